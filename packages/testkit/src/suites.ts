/** Suites for Jest: one contract per primitive, one suite per protocol. Apart from the index, which works without Jest. */
export * from './contracts/contract.js';
export * from './contracts/coordination-contract.js';
export * from './contracts/document-store-contract.js';
export * from './contracts/partition-log-contract.js';
export * from './protocols/jobboard-suite.js';
export * from './protocols/journal-suite.js';
export * from './protocols/transport-suite.js';
