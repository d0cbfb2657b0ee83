/** Bounds of a message; what exceeds one is refused before it is sent and again before it is believed. */
export const wireLimits = Object.freeze({
  /** Bytes of one encoded message: with Kafka's own framing it stays below the broker's default of 1 MiB a record batch. */
  messageBytesMax: 1_000_000,
  /** Elements of any list or map of one message. */
  listItemsMax: 10_000,
  /** Requests one `Attach` may ask for (P-803). */
  attachRequestsMax: 500,
  /** Arrays and objects inside each other in a JSON value; far below what overflows the stack of a reader. */
  jsonDepthMax: 512,
});
