#!/usr/bin/env node
// Stands in for Prisma's query engine binary, which is downloaded in production and cannot be here: Prisma's own
// WebAssembly build of the same engine at the same commit, behind the HTTP interface that prisma-client-py expects
// (prisma/engine/_query.py). It listens on the loopback alone: whoever reaches it may run any query.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';

const ENGINE_COMMIT = '393aa359c9ad4a4bb28630fb5613f9c281cde053'; // as @prisma/query-engine-wasm's version
const NO_TRACE = '{}';
const require = createRequire(import.meta.url);

// The wasm adapter of 5.17 refuses these catalogue types, which the binary engine reads as text: char, name, regproc,
// oid, unknown, regclass, regtype, void, regnamespace and regrole; then the arrays of char, name and oid.
const TEXT = 25;
const TEXT_ARRAY = 1009;
const READ_AS = new Map([
  ...[18, 19, 24, 26, 705, 2205, 2206, 2278, 4089, 4096].map((type) => [type, TEXT]),
  ...[1002, 1003, 1028].map((type) => [type, TEXT_ARRAY]),
]);

async function loadWasmEngine() {
  const folder = path.join(path.dirname(require.resolve('@prisma/query-engine-wasm/package.json')), 'postgresql');
  const glue = await import(path.join(folder, 'query_engine_bg.js'));
  const module = await WebAssembly.compile(fs.readFileSync(path.join(folder, 'query_engine_bg.wasm')));
  const instance = await WebAssembly.instantiate(module, { './query_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  return glue.QueryEngine;
}

function readCatalogueTypesAsText(pg) {
  for (const [type, as] of READ_AS) {
    if (as === TEXT_ARRAY) pg.types.setTypeParser(type, pg.types.getTypeParser(TEXT_ARRAY));
  }
  for (const kind of [pg.Pool, pg.Client]) {
    const query = kind.prototype.query;
    kind.prototype.query = function (...parameters) {
      const pending = query.apply(this, parameters);
      if (typeof pending?.then !== 'function') return pending;
      return pending.then((result) => {
        for (const field of result?.fields ?? []) field.dataTypeID = READ_AS.get(field.dataTypeID) ?? field.dataTypeID;
        return result;
      });
    };
  }
}

function databaseUrl() {
  const overrides = JSON.parse(process.env.OVERWRITE_DATASOURCES ?? '[]');
  const url = overrides.find((override) => override.url)?.url ?? process.env.DATABASE_URL;
  if (!url) throw new Error('DATABASE_URL is not set');
  return url;
}

async function startEngine(schema) {
  const { default: pg } = await import('pg');
  const { readUrl } = await import('./connection.mjs');
  const { PrismaPg } = require('@prisma/adapter-pg');
  const { bindAdapter } = require('@prisma/driver-adapter-utils');
  readCatalogueTypesAsText(pg);
  const url = readUrl(databaseUrl());
  const pool = new pg.Pool({
    connectionString: url.withoutPrismaParameters,
    max: url.connectionLimit,
    connectionTimeoutMillis: url.connectTimeoutMilliseconds,
  });
  pool.on('error', (error) => console.error(`query-engine: an idle database connection broke: ${error.message}`));
  const QueryEngine = await loadWasmEngine();
  const adapter = bindAdapter(new PrismaPg(pool, { schema: url.schema }));
  const asPrismaSays = externalErrors(adapter.errorRegistry, `${url.host}:${url.port}`);
  const engine = new QueryEngine({ datamodel: schema, logLevel: 'error', logQueries: false }, () => {}, adapter);
  await engine.connect(NO_TRACE);
  return { engine, asPrismaSays };
}

// What is no answer of the database's reaches the wasm engine as an `error in external connector` with a number. The
// binary engine connects by itself and says whether the server could not be reached or hung up.
// https://www.prisma.io/docs/orm/reference/error-reference
const EXTERNAL = 'P2036';
const HUNG_UP = /terminated|ended|ECONNRESET|EPIPE|not queryable/i;

function externalErrors(registry, server) {
  return (known) => {
    if (known?.error_code !== EXTERNAL) return known;
    const { error } = registry.consumeError(known.meta.id) ?? {};
    const text = String(error?.message ?? error);
    console.error(`query-engine: ${text}`);
    if (HUNG_UP.test(text) && !/timeout/i.test(text)) {
      return { is_panic: false, message: 'Server has closed the connection.', meta: {}, error_code: 'P1017' };
    }
    const message =
      `Can't reach database server at \`${server}\`\n\n` +
      `Please make sure your database server is running at \`${server}\`.`;
    const [host, port] = server.split(':');
    return { is_panic: false, message, meta: { database_host: host, database_port: Number(port) }, error_code: 'P1001' };
  };
}

class Requests {
  constructor({ engine, asPrismaSays }, models, protocol) {
    this.engine = engine;
    this.asPrismaSays = asPrismaSays;
    this.models = models;
    this.protocol = protocol;
  }

  async answer(method, url, transaction, body) {
    if (url.pathname === '/status') return [200, { status: 'ok' }];
    if (url.pathname === '/metrics') return this.metrics(url.searchParams.get('format'));
    if (method !== 'POST') return [404, { errors: [userFacing(`no such path: ${url.pathname}`)] }];
    if (url.pathname === '/') return [200, await this.query(JSON.parse(body), transaction)];
    if (url.pathname === '/transaction/start') {
      return this.transactionAnswer(500, await this.engine.startTransaction(body, NO_TRACE));
    }
    const [, id, step] = url.pathname.match(/^\/transaction\/([^/]+)\/(commit|rollback)$/) ?? [];
    if (step === 'commit') return this.transactionAnswer(409, await this.engine.commitTransaction(id, NO_TRACE));
    if (step === 'rollback') return this.transactionAnswer(409, await this.engine.rollbackTransaction(id, NO_TRACE));
    return [404, { errors: [userFacing(`no such path: ${url.pathname}`)] }];
  }

  metrics(format) {
    return [200, format === 'prometheus' ? '' : { counters: [], gauges: [], histograms: [] }];
  }

  async query(request, transaction) {
    if (!request.batch) {
      const query = this.protocol.toJsonProtocol(request.query, this.models);
      return this.protocol.toGraphqlProtocol(query, await this.send(query.request, transaction));
    }
    const queries = request.batch.map((item) => this.protocol.toJsonProtocol(item.query, this.models));
    const inTransaction = request.transaction ? { isolationLevel: request.isolationLevel ?? null } : undefined;
    const batch = { batch: queries.map((query) => query.request), transaction: inTransaction };
    const response = await this.send(batch, transaction);
    if (!response.batchResult) return response;
    const results = response.batchResult.map((one, index) => this.protocol.toGraphqlProtocol(queries[index], one));
    return { ...response, batchResult: results };
  }

  async send(request, transaction) {
    const answer = JSON.parse(await this.engine.query(JSON.stringify(request), NO_TRACE, transaction));
    for (const one of [answer, ...(answer.batchResult ?? [])]) {
      for (const error of one.errors ?? []) error.user_facing_error = this.asPrismaSays(error.user_facing_error);
    }
    return answer;
  }

  transactionAnswer(failureStatus, text) {
    const answer = JSON.parse(text);
    if (!answer.error_code) return [200, answer];
    const known = this.asPrismaSays(answer);
    return [failureStatus, { errors: [{ error: known.message, user_facing_error: known }] }];
  }

  // The engine's own errors are JSON already; a query's text is never printed, since it holds its values.
  failure(error) {
    const message = error?.message ?? String(error);
    try {
      const known = this.asPrismaSays(JSON.parse(message));
      return { error: known.message ?? message, user_facing_error: known };
    } catch {
      return userFacing(message);
    }
  }
}

function userFacing(message) {
  return { error: message, user_facing_error: { is_panic: false, message, backtrace: null } };
}

async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

async function serve(port) {
  const schema = fs.readFileSync(process.env.PRISMA_DML_PATH, 'utf8');
  const protocol = await import('./graphql_protocol.mjs');
  const requests = new Requests(await startEngine(schema), protocol.readModels(schema), protocol);
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    let status;
    let answer;
    try {
      const transaction = request.headers['x-transaction-id'];
      [status, answer] = await requests.answer(request.method, url, transaction, await readBody(request));
    } catch (error) {
      [status, answer] = [200, { errors: [requests.failure(error)] }];
    }
    response.writeHead(status, { 'content-type': typeof answer === 'string' ? 'text/plain' : 'application/json' });
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  server.listen(port, '127.0.0.1');
}

const { values } = parseArgs({ options: { port: { type: 'string', short: 'p' }, version: { type: 'boolean' } }, strict: false });
if (values.version) {
  console.log(`query-engine ${ENGINE_COMMIT}`);
} else {
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
  await serve(Number(values.port));
}
