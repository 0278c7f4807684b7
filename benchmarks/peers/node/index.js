// The meeting room by hand, in Node.js: what ../meeting_room.py does in Python, as Firebase's
// documentation has it. Its documents are in a database of their own, so that no write starts two
// competitors; their paths are the same in each.

import { initializeApp } from "firebase-admin/app";
import { FieldPath, getFirestore } from "firebase-admin/firestore";
import { onDocumentWritten } from "firebase-functions/v2/firestore";

const [DATABASE, LEAST] = ["node", "node-least"];

// One client for the whole life of an instance, as its connections are dear.
const app = initializeApp();
const firestore = getFirestore(app, DATABASE);
const least = getFirestore(app, LEAST);

/** Rebuilds the views of the meetings that a ticket is for. */
export const nodeTicket = onDocumentWritten(
  // To rebuild is idempotent, so a failed event may be delivered again.
  { document: "tickets/{ticket}", database: DATABASE, retry: true },
  async (event) => {
    const { before, after } = event.data;
    const holder = (after.exists ? after : before).get("user");
    // The key of the holder, as a path: an id may hold dots.
    const held = new FieldPath("tickets", holder.id);
    const listing = firestore
      .collection("meetings")
      .where(held, "==", firestore.doc(event.document));

    await firestore.runTransaction(async (transaction) => {
      const meetings = (await transaction.get(listing)).docs;
      // All reads go before the first write: a transaction refuses them in another order.
      const read = await Promise.all(
        meetings.map((meeting) => transaction.getAll(...references(meeting))),
      );
      meetings.forEach((meeting, index) => {
        for (const [path, content] of views(meeting, byPath(read[index]))) {
          transaction.set(firestore.doc(path), content);
        }
      });
    });
  },
);

/** The least that a function in Node.js can do for a view: one write, and no read. */
export const nodeLeast = onDocumentWritten(
  { document: "tickets/{ticket}", database: LEAST, retry: true },
  async (event) => {
    const ticket = event.data.after;
    await least
      .doc(`users/${ticket.get("user").id}/MeetingSession/${event.params.ticket}`)
      .set({ attendance: ticket.get("attendance") });
  },
);
/** What a meeting refers to; the holders of its tickets are its users. */
function references(meeting) {
  const { users, tickets, location } = meeting.data();
  return [...users, ...Object.values(tickets), location];
}

function byPath(documents) {
  return new Map(documents.map((document) => [document.ref.path, document.data()]));
}

/** The views of a meeting, as pairs of path and content. */
function views(meeting, read) {
  const { users, tickets, location, status } = meeting.data();
  const place = read.get(location.path);
  const attending = [];
  if (status !== "not-started") {
    for (const ticket of Object.values(tickets)) {
      const { attendance, user } = read.get(ticket.path);
      if (attendance) {
        const { firstName, lastName, organization, hearingAidRequested } = read.get(user.path);
        attending.push({
          name: `${firstName} ${lastName}`,
          organization,
          hearing_aid_requested: hearingAidRequested,
        });
      }
    }
  }
  attending.sort((a, b) => (a.name < b.name ? -1 : 1));
  const content = {
    latitude: place.latitude,
    longitude: place.longitude,
    address: place.address,
    inSession: status === "in-session",
    attending,
    numHearingAidRequested: attending.filter((one) => one.hearing_aid_requested).length,
  };
  return users.map((user) => [`users/${user.id}/MeetingSession/${meeting.id}`, content]);
}
