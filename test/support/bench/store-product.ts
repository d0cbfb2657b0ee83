import { MongoClient } from 'mongodb';
import { realServices } from '../services/endpoints.js';

/** What the store says it is: `MongoDB 8.0.4`, `FerretDB` (built as ours is, it does not know its version). Figures depend on it. */
export async function storeProduct(): Promise<string> {
  const client = new MongoClient(realServices().mongodb);
  try {
    const { ferretdbVersion, version } = await client.db('admin').command({ buildInfo: 1 });
    return ferretdbVersion === undefined ? `MongoDB ${version}` : 'FerretDB';
  } finally {
    await client.close();
  }
}
