export { ApiServer, type ApiOptions } from './api-server.js';
export { limits, type TlsOptions } from './server-options.js';
export { newToken, roles, type Role } from './tokens.js';
