"""What people report of production, and what maintainers answer."""

from __future__ import annotations

from tests.indexing.cases.notation import Case, q

GITHUB = "https://github.com"


def _case(source: str, name: str, *args: object, **kwargs: object) -> Case:
    return Case(name, f"{GITHUB}/{source}", *args, **kwargs)  # type: ignore[arg-type]


CASES = [
    _case(
        "angular/angularfire/issues/1327",
        "equality and a descending order",
        q("temp", "uid ==", order="-startedAt"),
        "(uid ASC, startedAt DESC)",
    ),
    _case(
        "googleapis/nodejs-firestore/issues/84",
        "a name with a space and an order",
        q("faculty", "`Middle School` ==", order="-bb_last_name"),
        "(`Middle School` ASC, bb_last_name DESC)",
    ),
    _case(
        "googleapis/nodejs-firestore/issues/84",
        "the order alone works",
        q("faculty", order="bb_last_name"),
    ),
    _case(
        "googleapis/nodejs-firestore/issues/84",
        "the equality alone works",
        q("faculty", "department =="),
    ),
    _case(
        "invertase/react-native-firebase/issues/1437",
        "equality and a range",
        q("reservations", "deleted ==", "dateTime >="),
        "(deleted ASC, dateTime ASC)",
    ),
    _case(
        "googleapis/python-firestore/issues/151",
        "two equalities and a descending order",
        q("c", "field ==", "field2 ==", order="-field3"),
        "(field ASC, field2 ASC, field3 DESC)",
    ),
    _case(
        "firebase/firebase-js-sdk/issues/9097",
        "the name has the direction of the query's last order",
        q("Auditlog", "tenantID in", order="-_meta.dateCreated tenantID"),
        "(tenantID ASC, _meta.dateCreated DESC, __name__ ASC)",
    ),
    _case(
        "firebase/firebase-js-sdk/issues/9097",
        "an index whose name goes the other way",
        q("Auditlog", "tenantID in", order="-_meta.dateCreated tenantID"),
        "(tenantID ASC, _meta.dateCreated DESC, __name__ ASC)",
        indexes=("Auditlog (tenantID ASC, _meta.dateCreated DESC)",),
    ),
    _case(
        "samuelgozi/firebase-firestore-lite/issues/13",
        "one order and the name against it",
        q("c", order="-text __name__"),
        "(text DESC, __name__ ASC)",
    ),
    _case(
        "samuelgozi/firebase-firestore-lite/issues/13",
        "one order without the name",
        q("c", order="-text"),
    ),
    _case(
        "firebase/flutterfire/issues/4398",
        "the last documents by name",
        q("DebugCollection", order="-__name__"),
        "(__name__ DESC)",
    ),
    _case(
        "flutter-team-archive/plugins/pull/1591",
        "a descending order and the name with it",
        q("c", order="-created_at -__name__"),
    ),
    _case(
        "firebase/firebase-js-sdk/issues/6613",
        "in and a descending order",
        q("posts", "createdBy in", order="-index"),
        "(createdBy ASC, index DESC)",
    ),
    _case(
        "firebase/firebase-js-sdk/issues/6613",
        "in and a descending order, with a wrong index",
        q("posts", "createdBy in", order="-index"),
        "(createdBy ASC, index DESC)",
        indexes=("posts (index DESC, createdBy DESC)",),
    ),
    _case(
        "firebase/firebase-js-sdk/issues/5152",
        "equalities and an inequality",
        q("photos", "seen ==", "uid !=", "interest =="),
        "(interest ASC, seen ASC, uid ASC)",
    ),
    _case(
        "firebase/FirebaseUI-Android/issues/1740",
        "three equalities and a descending order",
        q("deals", "monthApr ==", "monthAug ==", "monthDec ==", order="-timestamp"),
        "(monthApr ASC, monthAug ASC, monthDec ASC, timestamp DESC)",
    ),
    _case(
        "firebase/flutterfire/issues/3293",
        "an index with one field more is another index",
        q("art-room", "uid ==", order="-date"),
        "(uid ASC, date DESC)",
        indexes=("art-room (uid ASC, topic ASC, date DESC)",),
    ),
    _case(
        "GitLiveApp/firebase-kotlin-sdk/issues/498",
        "array-contains and a descending order",
        q("feed", "users array-contains", order="-lastPost"),
        "(users CONTAINS, lastPost DESC)",
    ),
    _case(
        "firebase/firebase-tools/issues/6566",
        "order in a group",
        q("products", order="numberOfSail", group=True),
        "(numberOfSail ASC)",
    ),
    _case(
        "firebase/flutterfire/issues/7010",
        "descending order in a group",
        q("posts", order="-time", group=True),
        "(time DESC)",
    ),
    _case(
        "googlearchive/firebase-dart/issues/290",
        "a group works without a condition",
        q("consultations", group=True),
    ),
    _case(
        "googlearchive/firebase-dart/issues/290",
        "range in a group",
        q("consultations", "dateTime >=", group=True),
        "(dateTime ASC)",
    ),
    _case(
        "googleapis/google-cloud-node/issues/7466",
        "equality in a group",
        q("textTemplates", "id ==", group=True),
        "(id ASC)",
    ),
    _case(
        "googleapis/nodejs-firestore/issues/1832",
        "count of two equalities needs no index",
        q("subscriptions", "blogId ==", "status =="),
    ),
    _case(
        "genkit-ai/genkit/issues/3859",
        "a vector index that names the document's name",
        q("hr_documents", nearest=("embedding", 768)),
        indexes=("hr_documents (__name__ ASC, embedding VECTOR<768>)",),
    ),
    _case(
        "GoogleCloudPlatform/magic-modules/pull/12121",
        "an index of the name alone",
        q("c", order="-__name__"),
        indexes=("c (__name__ DESC)",),
    ),
    _case(
        "EddyVerbruggen/nativescript-plugin-firebase/issues/602",
        "equality and a limit",
        q("cities", "state =="),
    ),
    _case(
        "EddyVerbruggen/nativescript-plugin-firebase/issues/602",
        "equality, a descending order and a limit",
        q("cities", "state ==", order="-population"),
        "(state ASC, population DESC)",
    ),
    _case(
        "prescottprue/redux-firestore/issues/215",
        "an order is refused although its equality alone is served",
        q("c", "owner ==", order="created"),
        "(owner ASC, created ASC)",
    ),
]
