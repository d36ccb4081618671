// A Prisma connection URL, read for the `pg` package: its Prisma-only parameters are taken out and obeyed here.
import pg from 'pg';

// https://www.prisma.io/docs/orm/overview/databases/postgresql#arguments
const PRISMA_PARAMETERS = [
  'connection_limit',
  'pool_timeout',
  'pgbouncer',
  'schema',
  'sslaccept',
  'sslidentity',
  'sslpassword',
  'socket_timeout',
  'statement_cache_size',
];
const DEFAULT_CONNECTION_LIMIT = 10;
const DEFAULT_CONNECT_TIMEOUT_SECONDS = 5;

export function readUrl(text) {
  const url = new URL(text);
  const parameters = new URLSearchParams(url.search);
  for (const name of [...PRISMA_PARAMETERS, 'connect_timeout']) url.searchParams.delete(name);
  return {
    host: url.hostname,
    port: url.port || '5432',
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    schema: parameters.get('schema') ?? 'public',
    connectionLimit: Number(parameters.get('connection_limit') ?? DEFAULT_CONNECTION_LIMIT),
    connectTimeoutMilliseconds: 1000 * Number(parameters.get('connect_timeout') ?? DEFAULT_CONNECT_TIMEOUT_SECONDS),
    withoutPrismaParameters: url.toString(),
    withDatabase(name) {
      const other = new URL(url);
      other.pathname = `/${encodeURIComponent(name)}`;
      return other.toString();
    },
  };
}

export async function connect(url, connectionString = url.withoutPrismaParameters) {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: url.connectTimeoutMilliseconds,
    application_name: 'bulkhead-lab-prisma',
  });
  client.on('error', () => {}); // a broken connection also fails the query that waits on it
  await client.connect();
  return client;
}
