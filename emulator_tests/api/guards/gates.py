"""Every decision of the gate, of REST and of JSON-RPC that denies, and the attack that shows it.

Not in the list, since another decision asks for no less: that a view is listed whose last variable
its owner is named by (there is then no such value to compare), or whose path ends in no variable
(it has no address); that a cursor has a value for each order (Firestore refuses it); that a
variable of a request's path is missing (it cannot be rendered).
"""

from __future__ import annotations

from emulator_tests.api.guards.loosening import Guard
from emulator_tests.api.guards.rpc_gates import RPC

ACCESS = [
    Guard("access:_holds", "if uid is None:", "if False:", "nobody is signed in"),
    Guard("access:_holds", "params.get(variable) == uid", "True", "another's profile"),
    Guard("access:_holds", "type(found) is type(value) and ", "", "a claim of another type"),
    Guard("access:_holds", " and found == value", "", "a claim of another value"),
    Guard("access:_is_member", "if is_map:", "if isinstance(value, Mapping):", "an item of a map"),
    Guard("access:_is_member", " is not False", " is not ...", "a guest who was sent away"),
    Guard("access:_is_member", "uid in cast", "True or uid in cast", "no member"),
    Guard("access:can_list", "return not part.is_map", "return True", "list by a map"),
]
TOKENS = [
    Guard("gate.caller:caller_of", 'scheme.lower() != "bearer" or ', "", "another scheme"),
    Guard(
        "gate.caller:_claims",
        'raise Refusal("unauthenticated", "the ID token is not valid") from error',
        'return {"uid": "ada", "exp": 2**40}',
        "a garbled token",
    ),
    Guard("gate.caller:signed_in", "if has_expired(claims):", "if False:", "an expired token"),
    Guard(
        "gate.caller:_claims",
        'emulator_of("auth")',
        "pass",
        "a token that only Google could verify",
    ),
    Guard("gate.caller:signed_in", ' if name != "uid"', "", "the SDK's own claim"),
    Guard("gate.caller:check_app", "not caller.is_app and", "False and", "no App Check token"),
    Guard(
        "gate.caller:_from_app",
        'raise Refusal("unauthenticated", "the App Check token is not valid") from error',
        "pass",
        "a garbled App Check token",
    ),
    Guard("gate.tokens:has_expired", "not isinstance(until, int | float) or", "", "no end"),
    Guard(
        "gate.tokens:has_expired", "not time.time() < until", "not 0 < until", "an expired token"
    ),
    Guard("gate.tokens:has_expired", " < math.inf", "", "an endless token"),
]
READING = [
    Guard("gate.reading:Views.decided", "if not may and not", "if False and not", "no member"),
    Guard(
        "gate.reading:Views.decided",
        'if may or found.code != "internal":',
        "if True:",
        "a view that cannot be built",
    ),
    Guard(
        "gate.reading:Views.may_ask",
        "if caller.uid is None or not is_listed:",
        "if caller.uid is None:",
        "reads for a stranger",
    ),
    Guard(
        "gate.reading:Views._narrowings",
        "if any(allows(part, caller.uid, caller.claims, params) for part in parts):",
        "if True:",
        "list the boards of others",
    ),
    Guard(
        "gate.reading:Views._narrowings",
        '(Filter(quoted(field), "array_contains", caller.uid),)',
        "()",
        "list the boards of others",
    ),
    Guard(
        "gate.reading:Views._narrowings",
        "if caller.uid is None or not fields:",
        "if not fields:",
        "list as nobody",
    ),
    Guard(
        "gate.reading:Views._narrowings",
        "if caller.uid is None or not fields:",
        "if caller.uid is None:",
        "list without a claim",
    ),
    Guard("gate.reading:Views._narrowings", " if can_list(part, path)]", "]", "list by a map"),
    Guard(
        "gate.reading:Views.queries",
        "raise invalid([str(error)]) from error",
        "raise",
        "list below an id that is none",
    ),
    Guard(
        "gate.cursors:position_of",
        'check_segment(cast(str, identifier), what="the cursor")',
        "pass",
        "a cursor elsewhere",
    ),
    Guard("gate.cursors:position_of", "OverflowError, ", "", "a cursor beyond time"),
    Guard(
        "gate.answered:refused_values", "if not asked:", "if True:", "a condition that is too long"
    ),
    Guard(
        "gate.reading:path_of",
        "raise invalid([str(error)]) from error",
        "raise",
        "an id that is none",
    ),
    Guard(
        "gate.reading:path_of",
        "check_document_path(offer.path.render(params))",
        "offer.path.render(params)",
        "a path that is too long",
    ),
    Guard(
        "gate.reading:root_of", "if root is None:", "if False:", "wait for a view without a root"
    ),
]
WATCHING = [
    Guard(
        "gate.watching:Watching.document",
        "if not may and not allows(",
        "if False and not allows(",
        "watch as no member",
    ),
    Guard(
        "api.streams.sse:StreamResources.offer",
        "if found is None or found.is_live:",
        "if found is None:",
        "watch what is computed",
    ),
]
SUBMITTING = [
    Guard("gate.submitting:path_of", "if unknown:", "if False:", "a variable that there is not"),
    Guard(
        "gate.submitting:path_of", "if not allows(", "if False and not allows(", "another's sheet"
    ),
    Guard(
        "gate.submitting:path_of",
        "check_document_path(model.__path__.render(found))",
        "pass",
        "put at an id that is none",
    ),
    Guard("gate.submitting:path_of", "check_id(identifier)", "pass", "put at a long id"),
    Guard("gate.submitting:_checked", "model.parsed(content)", "pass", "an undeclared field"),
    Guard(
        "gate.submitting:_checked",
        "encode_fields(content",
        "len(content) or encode_fields(content",
        "a list in a list",
    ),
    Guard(
        "gate.submitting:_checked",
        "check_size(path, content)",
        "pass",
        "a document that is too large",
    ),
    Guard(
        "gate.submitting:_checked",
        "except RecursionError as error:",
        "except KeyError as error:",
        "a deep body",
    ),
    Guard("gate.submitting:_checked", "if problems:", "if False:", "a forged vector"),
    Guard(
        "gate.submitting:_problems_of_names",
        "> MAX_SEGMENT_BYTES",
        "> 10 * MAX_SEGMENT_BYTES",
        "a long key",
    ),
    Guard(
        "gate.submitting:_mark",
        "if found.exists and digest(content) != digest(fields):",
        "if False:",
        "an id that was used",
    ),
    Guard(
        "gate.submitting:submit",
        'if mark.get("state") != "done" or time is None:',
        "if False:",
        "a request that the app refuses",
    ),
]
DECLARED = [
    Guard(
        "api.declared:Api._view",
        "if not list(view.__read__.alternatives()):",
        "if False:",
        "offer what nobody may read",
    ),
    Guard(
        "api.declared:Api._view",
        "if not is_live and view not in stored:",
        "if False:",
        "offer what nothing keeps",
    ),
    Guard(
        "api.declared:_request",
        "if not list(model.__create__.alternatives()):",
        "if False:",
        "offer what nobody may send",
    ),
    Guard(
        "api.declared:_request",
        "if mediator.definition().done.field is None:",
        "if False:",
        "offer what is not marked",
    ),
    Guard(
        "api.declared:_check_addresses",
        "if path.overlaps(offer.path):",
        "if False:",
        "two at one address",
    ),
    Guard(
        "gate.listable:_check_lists",
        "if lists and members",
        "if False and members",
        "narrow a list twice",
    ),
    Guard(
        "api.declared:Api.__post_init__",
        'if origin != "*" and not',
        "if False and not",
        "an origin with a path",
    ),
]
PATHS = [
    Guard(
        "gate.paths:check_paths",
        "if is_open and (path.segments[0]",
        "if False and (path.segments[0]",
        "open every collection",
    ),
    Guard(
        "gate.paths:check_paths",
        "if path.overlaps(other.__path__) and",
        "if False and",
        "open what clients have sent",
    ),
    Guard(
        "gate.paths:check_paths",
        "is_open or other in (opened or ())",
        "is_open",
        "open what clients have sent",
    ),
]
OFFERS = [
    Guard(
        "gate.offers:ViewOffer.can_be_listed", "not self.is_live and ", "", "list what is computed"
    ),
    Guard(
        "gate.offers:ByField.parsed",
        "next(value for value in self.values if _text(value) == text)",
        "text",
        "a value that there is not",
    ),
]
REST = [
    Guard("api.application:Door._answer", "check_framing(request)", "pass", "two lengths"),
    Guard(
        "api.application:Door._dispatch",
        "if method not in METHODS[route.kind]:",
        "if False:",
        "delete a view",
    ),
    Guard(
        "api.application:Door._caller",
        "if self._api.app_check",
        "if False",
        "an API without App Check",
    ),
    Guard(
        "gate.submitting:path_of",
        "if mediator.app_check:",
        "if False:",
        "a form without App Check",
    ),
    Guard(
        "api.application:application",
        "allow_origins=list(api.origins)",
        'allow_origins=["*"]',
        "another origin",
    ),
    Guard(
        "api.rest.addresses:Addresses.find",
        '.decode("utf-8")',
        '.decode("utf-8", "replace")',
        "a path that is not UTF-8",
    ),
    Guard(
        "api.rest.addresses:Addresses.find",
        'raw_path.partition(b"?")[0].split',
        'unquote_to_bytes(raw_path.partition(b"?")[0]).split',
        "an encoded slash",
    ),
    Guard(
        "api.rest.addresses:Addresses.find",
        "if segments[:start] == self._prefix:",
        "if True:",
        "another prefix",
    ),
    Guard(
        "api.rest.addresses:_match", "elif wanted != segment:", "elif False:", "another collection"
    ),
    Guard(
        "api.rest.addresses:_match",
        "if len(template) != len(segments):",
        "if False:",
        "a longer path",
    ),
    Guard("api.rest.asked:query_of", "if name not in known:", "if False:", "an unknown parameter"),
    Guard("api.rest.asked:query_of", "if name in found:", "if False:", "a parameter twice"),
    Guard("api.rest.asked:size_of", "<= most:", "<= most + 1:", "a long page"),
    Guard("api.rest.asked:instant_of", "if time >", "if False and time >", "wait for the future"),
    Guard(
        "api.rest.asked:_instant",
        "if time.tzinfo is not None",
        "if True",
        "a time without a zone",
    ),
    Guard("api.rest.asked:check_accepts", "if accepted and", "if False and", "accept text"),
    Guard("api.rest.asked:_is_accepted", "and not is_refused", "", "accept nothing"),
    Guard(
        "api.rest.asked:sent",
        'if media_type != "application/json":',
        "if False:",
        "a body of another type",
    ),
    Guard("api.rest.asked:sent", '.lower() != "identity":', '.lower() == "":', "an encoded body"),
    Guard(
        "api.rest.asked:sent",
        "if length.isdecimal() and",
        "if False and",
        "a long body that is announced",
    ),
    Guard("api.rest.asked:sent", "if len(chunks) > most:", "if False:", "a long body"),
    Guard(
        "api.rest.asked:sent",
        "asyncio.timeout(BODY_SEC)",
        "asyncio.timeout(BODY_SEC * 20)",
        "a slow body",
    ),
    Guard(
        "api.rest.asked:_no_number",
        'raise NotJson(f"{name} is no number of JSON; write it as a text")',
        "return float(name)",
        "no number",
    ),
    Guard(
        "api.rest.asked:_finite", "if math.isinf(number):", "if False:", "a number beyond doubles"
    ),
    Guard("api.rest.asked:_distinct", "if len(found) != len(pairs):", "if False:", "a name twice"),
    Guard(
        "api.rest.asked:body_of",
        "if not isinstance(found, dict):",
        "if False:",
        "a body that is a list",
    ),
    Guard(
        "api.rest.asked:parsed",
        "except (ValueError, RecursionError) as error:",
        "except ValueError as error:",
        "a very deep body",
    ),
    Guard(
        "api.rest.resources:Resources.put",
        "path_of_request(offer.mediator, params[identifier], others, caller)",
        "pass",
        "put at a long id",
    ),
    Guard(
        "api.rest.resources:Resources.put",
        "if wanted is not None:\n                self",
        "if False:\n                self",
        "want another's view",
    ),
    Guard(
        "api.rest.resources:Resources._wanted",
        " or view.root is None:",
        ":",
        "want a view without a root",
    ),
    Guard(
        "api.rest.resources:Resources._wanted",
        "path_of(view, found)",
        "pass",
        "want a view at no id",
    ),
    Guard(
        "gate.reading:Views.decided",
        "if not may and not",
        "if False and not",
        "see what one is no guest of",
    ),
    Guard(
        "api.waiting:Waiting.until",
        "self.views.get(offer, params, caller)",
        "pass",
        "wait as a stranger",
    ),
    Guard(
        "gate.offers:ViewOffer.listing",
        "(listing.order or None) == order and ",
        "",
        "an order that is not declared",
    ),
    Guard(
        "gate.offers:ViewOffer.listing",
        " and names == set(fields)",
        "",
        "a condition that is not declared",
    ),
    Guard(
        "api.rest.resources:_value",
        "(ValueError, KeyError, StopIteration, OverflowError)",
        "(KeyError, OverflowError)",
        "a value that there is not",
    ),
    Guard(
        "api.rest.documentation:_answer",
        "query_of(request, ())",
        "pass",
        "a parameter of the documentation",
    ),
    Guard(
        "api.rest.documentation:_answer",
        "check_accepts(request, media_type)",
        "pass",
        "another form of the documentation",
    ),
    Guard(
        "api.rest.validators:headers_of",
        "if is_public else",
        "if True else",
        "keep what is private",
    ),
    Guard(
        "api.rest.problem:answer_of",
        '"Cache-Control": "no-store"',
        '"Cache-Control": "public"',
        "keep an error",
    ),
    Guard("api.work:Work.run", "if self._busy >= self._room:", "if False:", "too many calls"),
    Guard(
        "api.work:Work.run",
        "asyncio.timeout(self.timeout_sec)",
        "asyncio.timeout(self.timeout_sec * 20)",
        "a call without an end",
    ),
]

GUARDS = [
    *ACCESS,
    *TOKENS,
    *READING,
    *WATCHING,
    *SUBMITTING,
    *DECLARED,
    *PATHS,
    *OFFERS,
    *REST,
    *RPC,
]
