// Made by `onto generate types` from what the app declares: a change here is lost.

import {
  doc,
  type DocumentData,
  type DocumentReference,
  type Firestore,
  type FirestoreDataConverter,
  type GeoPoint,
  type PartialWithFieldValue,
  type QueryDocumentSnapshot,
  type SnapshotOptions,
  type Timestamp,
  type WithFieldValue,
} from "firebase/firestore";

export interface Address {
  street: string;
  city: string;
  postalCode: string;
}

export interface Hours {
  opens: string;
  closes: string;
}

export interface MenuEntry {
  item: DocumentReference;
  name: string;
  price: string;
  tags: string[];
  available: boolean;
}

export interface OrderSummary {
  order: string;
  status: OrderStatus;
  placedAt: Timestamp;
  totalCents: number;
  dishes: string[];
  note?: string;
}

export interface PastOrder {
  restaurant: string;
  order: OrderSummary;
}

export interface RankedCourier {
  name: string;
  deliveries: number;
  took?: number;
}

export interface RunningOffer {
  title: string;
  lastDay: string;
  percentage: number;
}

export interface Stop {
  order: string;
  address: Address;
  customer?: string;
  phone?: string;
}

export interface WantedLine {
  item: string;
  quantity?: number;
  options?: string[];
}

export type OrderStatus = "placed" | "accepted" | "ready" | "on-the-way" | "delivered" | "rejected" | "cancelled";

export type Vehicle = "bicycle" | "scooter" | "car";

export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** A document at `courierRankings/{area_id}`, which clients only read. */
export interface CourierRanking {
  area: string;
  couriers: RankedCourier[];
}

export const courierRankingConverter: FirestoreDataConverter<CourierRanking> = {
  toFirestore(): DocumentData {
    throw new Error("CourierRanking is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): CourierRanking {
    return snapshot.data(options) as CourierRanking;
  },
};

export function courierRankingDocument(
  firestore: Firestore,
  ids: { area_id: string },
): DocumentReference<CourierRanking> {
  return doc(firestore, "courierRankings", ids.area_id).withConverter(courierRankingConverter);
}

/** A document at `courierScores/{courier_id}`, which clients only read. */
export interface CourierScore {
  name: string;
  area: DocumentReference;
  deliveries: number;
  took?: number;
}

export const courierScoreConverter: FirestoreDataConverter<CourierScore> = {
  toFirestore(): DocumentData {
    throw new Error("CourierScore is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): CourierScore {
    return snapshot.data(options) as CourierScore;
  },
};

export function courierScoreDocument(
  firestore: Firestore,
  ids: { courier_id: string },
): DocumentReference<CourierScore> {
  return doc(firestore, "courierScores", ids.courier_id).withConverter(courierScoreConverter);
}

/** A document at `menuTags/{tag}/entries/{item_id}`, which clients only read. */
export interface MenuByTag {
  name: string;
  restaurant: string;
  price: string;
  available: boolean;
}

export const menuByTagConverter: FirestoreDataConverter<MenuByTag> = {
  toFirestore(): DocumentData {
    throw new Error("MenuByTag is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): MenuByTag {
    return snapshot.data(options) as MenuByTag;
  },
};

export function menuByTagDocument(
  firestore: Firestore,
  ids: { tag: string; item_id: string },
): DocumentReference<MenuByTag> {
  return doc(firestore, "menuTags", ids.tag, "entries", ids.item_id).withConverter(menuByTagConverter);
}

/** A document at `restaurantPages/{restaurant_id}`, which clients only read. */
export interface RestaurantPage {
  name: string;
  position: GeoPoint;
  openingHours: Record<string, Hours>;
  paused: boolean;
  menu: MenuEntry[];
  offers: RunningOffer[];
  stars?: number;
  reviews: number;
}

export const restaurantPageConverter: FirestoreDataConverter<RestaurantPage> = {
  toFirestore(): DocumentData {
    throw new Error("RestaurantPage is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): RestaurantPage {
    return snapshot.data(options) as RestaurantPage;
  },
};

export function restaurantPageDocument(
  firestore: Firestore,
  ids: { restaurant_id: string },
): DocumentReference<RestaurantPage> {
  return doc(firestore, "restaurantPages", ids.restaurant_id).withConverter(restaurantPageConverter);
}

/** A document at `users/{courier_id}/courierPage/now`, which clients only read. */
export interface CourierPage {
  stops: Stop[];
  vehicle: Vehicle;
  position?: GeoPoint;
}

export const courierPageConverter: FirestoreDataConverter<CourierPage> = {
  toFirestore(): DocumentData {
    throw new Error("CourierPage is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): CourierPage {
    return snapshot.data(options) as CourierPage;
  },
};

export function courierPageDocument(
  firestore: Firestore,
  ids: { courier_id: string },
): DocumentReference<CourierPage> {
  return doc(firestore, "users", ids.courier_id, "courierPage", "now").withConverter(courierPageConverter);
}

/** A document at `users/{customer_id}/customerHistory/latest`, which clients only read. */
export interface CustomerHistory {
  orders: PastOrder[];
  address: Address;
}

export const customerHistoryConverter: FirestoreDataConverter<CustomerHistory> = {
  toFirestore(): DocumentData {
    throw new Error("CustomerHistory is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): CustomerHistory {
    return snapshot.data(options) as CustomerHistory;
  },
};

export function customerHistoryDocument(
  firestore: Firestore,
  ids: { customer_id: string },
): DocumentReference<CustomerHistory> {
  return doc(firestore, "users", ids.customer_id, "customerHistory", "latest").withConverter(customerHistoryConverter);
}

/** A document at `users/{customer_id}/feed/{review_id}`, which clients only read. */
export interface FeedEntry {
  restaurant: string;
  author: string;
  stars: number;
  text: string;
  writtenAt: Timestamp;
}

export const feedEntryConverter: FirestoreDataConverter<FeedEntry> = {
  toFirestore(): DocumentData {
    throw new Error("FeedEntry is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): FeedEntry {
    return snapshot.data(options) as FeedEntry;
  },
};

export function feedEntryDocument(
  firestore: Firestore,
  ids: { customer_id: string; review_id: string },
): DocumentReference<FeedEntry> {
  return doc(firestore, "users", ids.customer_id, "feed", ids.review_id).withConverter(feedEntryConverter);
}

/** A document at `users/{owner_id}/dashboards/{restaurant_id}`, which clients only read. */
export interface RestaurantDashboard {
  name: string;
  openOrders: OrderSummary[];
  numbers: Record<string, number>;
  revenueCents: number;
  paused: boolean;
  soldOut: string[];
}

export const restaurantDashboardConverter: FirestoreDataConverter<RestaurantDashboard> = {
  toFirestore(): DocumentData {
    throw new Error("RestaurantDashboard is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): RestaurantDashboard {
    return snapshot.data(options) as RestaurantDashboard;
  },
};

export function restaurantDashboardDocument(
  firestore: Firestore,
  ids: { owner_id: string; restaurant_id: string },
): DocumentReference<RestaurantDashboard> {
  return doc(firestore, "users", ids.owner_id, "dashboards", ids.restaurant_id).withConverter(restaurantDashboardConverter);
}

/** A document at `users/{user_id}/orderPages/{order_id}`, which clients only read. */
export interface OrderPage {
  restaurant: string;
  customer?: string;
  phone?: string;
  address: Address;
  courier?: string;
  courierPosition?: GeoPoint;
  order: OrderSummary;
  took?: number;
}

export const orderPageConverter: FirestoreDataConverter<OrderPage> = {
  toFirestore(): DocumentData {
    throw new Error("OrderPage is a view, which clients only read");
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): OrderPage {
    return snapshot.data(options) as OrderPage;
  },
};

export function orderPageDocument(
  firestore: Firestore,
  ids: { user_id: string; order_id: string },
): DocumentReference<OrderPage> {
  return doc(firestore, "users", ids.user_id, "orderPages", ids.order_id).withConverter(orderPageConverter);
}

/** The result of a request. */
export type RequestMark =
  | { state: "done"; at: Timestamp }
  | { state: "failed"; at: Timestamp; reason: string };

/** A document that a client creates at `users/{courier_id}/courierPatches/{patch_id}`. */
export interface CourierPatch {
  vehicle?: Vehicle;
  position?: GeoPoint;
  /** Set once the request has been processed; a client watches it, and must not write it. */
  processed?: RequestMark;
}

export const courierPatchConverter: FirestoreDataConverter<CourierPatch> = {
  toFirestore(
    request: WithFieldValue<CourierPatch> | PartialWithFieldValue<CourierPatch>,
  ): DocumentData {
    return { ...request };
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): CourierPatch {
    return snapshot.data(options) as CourierPatch;
  },
};

export function courierPatchDocument(
  firestore: Firestore,
  ids: { courier_id: string; patch_id: string },
): DocumentReference<CourierPatch> {
  return doc(firestore, "users", ids.courier_id, "courierPatches", ids.patch_id).withConverter(courierPatchConverter);
}

/** A document that a client creates at `users/{customer_id}/customerPatches/{patch_id}`. */
export interface CustomerPatch {
  address?: Address;
  /** Set once the request has been processed; a client watches it, and must not write it. */
  processed?: RequestMark;
}

export const customerPatchConverter: FirestoreDataConverter<CustomerPatch> = {
  toFirestore(
    request: WithFieldValue<CustomerPatch> | PartialWithFieldValue<CustomerPatch>,
  ): DocumentData {
    return { ...request };
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): CustomerPatch {
    return snapshot.data(options) as CustomerPatch;
  },
};

export function customerPatchDocument(
  firestore: Firestore,
  ids: { customer_id: string; patch_id: string },
): DocumentReference<CustomerPatch> {
  return doc(firestore, "users", ids.customer_id, "customerPatches", ids.patch_id).withConverter(customerPatchConverter);
}

/** A document that a client creates at `users/{owner_id}/restaurantPatches/{patch_id}`. */
export interface RestaurantPatch {
  paused?: boolean;
  soldOut?: string[];
  restaurant: string;
  /** Set once the request has been processed; a client watches it, and must not write it. */
  processed?: RequestMark;
}

export const restaurantPatchConverter: FirestoreDataConverter<RestaurantPatch> = {
  toFirestore(
    request: WithFieldValue<RestaurantPatch> | PartialWithFieldValue<RestaurantPatch>,
  ): DocumentData {
    return { ...request };
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): RestaurantPatch {
    return snapshot.data(options) as RestaurantPatch;
  },
};

export function restaurantPatchDocument(
  firestore: Firestore,
  ids: { owner_id: string; patch_id: string },
): DocumentReference<RestaurantPatch> {
  return doc(firestore, "users", ids.owner_id, "restaurantPatches", ids.patch_id).withConverter(restaurantPatchConverter);
}

/** A document that a client creates at `users/{user_id}/orderForms/{order_id}`. */
export interface PlaceOrder {
  restaurant: string;
  lines: WantedLine[];
  address: Address;
  note?: string | null;
  /** Set once the request has been processed; a client watches it, and must not write it. */
  processed?: RequestMark;
}

export const placeOrderConverter: FirestoreDataConverter<PlaceOrder> = {
  toFirestore(
    request: WithFieldValue<PlaceOrder> | PartialWithFieldValue<PlaceOrder>,
  ): DocumentData {
    return { ...request };
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): PlaceOrder {
    return snapshot.data(options) as PlaceOrder;
  },
};

export function placeOrderDocument(
  firestore: Firestore,
  ids: { user_id: string; order_id: string },
): DocumentReference<PlaceOrder> {
  return doc(firestore, "users", ids.user_id, "orderForms", ids.order_id).withConverter(placeOrderConverter);
}

/** A document that a client creates at `users/{user_id}/reviewForms/{form_id}`. */
export interface WriteReview {
  order: string;
  stars: number;
  text?: string;
  /** Set once the request has been processed; a client watches it, and must not write it. */
  processed?: RequestMark;
}

export const writeReviewConverter: FirestoreDataConverter<WriteReview> = {
  toFirestore(
    request: WithFieldValue<WriteReview> | PartialWithFieldValue<WriteReview>,
  ): DocumentData {
    return { ...request };
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): WriteReview {
    return snapshot.data(options) as WriteReview;
  },
};

export function writeReviewDocument(
  firestore: Firestore,
  ids: { user_id: string; form_id: string },
): DocumentReference<WriteReview> {
  return doc(firestore, "users", ids.user_id, "reviewForms", ids.form_id).withConverter(writeReviewConverter);
}

/** A document that a client creates at `users/{user_id}/statusForms/{form_id}`. */
export interface ChangeOrderStatus {
  order: string;
  status: OrderStatus;
  /** Set once the request has been processed; a client watches it, and must not write it. */
  processed?: RequestMark;
}

export const changeOrderStatusConverter: FirestoreDataConverter<ChangeOrderStatus> = {
  toFirestore(
    request: WithFieldValue<ChangeOrderStatus> | PartialWithFieldValue<ChangeOrderStatus>,
  ): DocumentData {
    return { ...request };
  },
  fromFirestore(snapshot: QueryDocumentSnapshot, options?: SnapshotOptions): ChangeOrderStatus {
    return snapshot.data(options) as ChangeOrderStatus;
  },
};

export function changeOrderStatusDocument(
  firestore: Firestore,
  ids: { user_id: string; form_id: string },
): DocumentReference<ChangeOrderStatus> {
  return doc(firestore, "users", ids.user_id, "statusForms", ids.form_id).withConverter(changeOrderStatusConverter);
}
