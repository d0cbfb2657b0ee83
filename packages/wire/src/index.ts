export { PROTOCOL_VERSION, type WireHeader } from './envelope.js';
export { wireLimits } from './limits.js';
export { decodeReply, encodeReply } from './reply-codec.js';
export { decodeRequest, encodeRequest } from './request-codec.js';
