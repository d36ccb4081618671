#!/usr/bin/env node
// Stands in for Prisma's schema engine binary, which is downloaded in production and cannot be here. Prisma's own
// command line drives it as it drives the binary (JSON-RPC, a line each way), so `prisma migrate deploy` and the
// programs that run it stay as they are. It applies, records and resolves migrations, in Prisma's own history table,
// under Prisma's own advisory lock and with Prisma's error codes; it does not compare or introspect schemas.
// Written against prisma-engines 5.17: schema-engine/json-rpc-api and schema-engine/commands.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';

const ENGINE_COMMIT = '393aa359c9ad4a4bb28630fb5613f9c281cde053';
const ADVISORY_LOCK = 72707369; // the constant that Prisma's engine uses, so that both exclude each other
const ADVISORY_LOCK_TIMEOUT_MILLISECONDS = 10_000;
const UNDEFINED_DATABASE = '3D000';
// The database is there already, or another session is making it at this moment.
const DUPLICATE_DATABASE = ['42P04', '23505'];
const LOCK_NOT_AVAILABLE = '55P03';
const WRONG_CREDENTIALS = ['28P01', '28000'];

const HISTORY_TABLE = `CREATE TABLE _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/** A failure with one of the codes of https://www.prisma.io/docs/orm/reference/error-reference */
class KnownError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

function connectionError(url, error) {
  if (WRONG_CREDENTIALS.includes(error.code)) {
    return new KnownError(
      'P1000',
      `Authentication failed against database server at \`${url.host}\`, the provided database credentials for ` +
        `\`${url.user}\` are not valid.`,
    );
  }
  if (error.code === UNDEFINED_DATABASE) {
    return new KnownError('P1003', `Database \`${url.database}\` does not exist on the server at \`${url.host}:${url.port}\`.`);
  }
  return new KnownError(
    'P1001',
    `Can't reach database server at \`${url.host}:${url.port}\` (${error.code ?? error.message}).\n\n` +
      `Please make sure your database server is running at \`${url.host}:${url.port}\`.`,
  );
}

/** The schema's database connection, opened on first use, and everything that one command does with it. */
class Migrations {
  constructor(url) {
    this.url = url;
  }

  async connection() {
    if (!this.client) {
      const { connect } = await import('./connection.mjs');
      this.client = await connect(this.url).catch((error) => Promise.reject(connectionError(this.url, error)));
      await this.client.query(`SET search_path = "${this.url.schema.replaceAll('"', '""')}"`);
    }
    return this.client;
  }

  list({ migrationsDirectoryPath }) {
    return { migrations: readMigrations(migrationsDirectoryPath).map((migration) => migration.name) };
  }

  async apply({ migrationsDirectoryPath }) {
    await this.lock();
    const history = await this.history();
    const failed = history.filter((row) => !row.finished_at && !row.rolled_back_at);
    if (failed.length > 0) throw unfinishedError(failed);
    const applied = new Set(history.filter((row) => row.finished_at && !row.rolled_back_at).map((row) => row.migration_name));
    const pending = readMigrations(migrationsDirectoryPath).filter((migration) => !applied.has(migration.name));
    for (const migration of pending) await this.applyOne(migration);
    return { appliedMigrationNames: pending.map((migration) => migration.name) };
  }

  async applyOne(migration) {
    const client = await this.connection();
    const id = crypto.randomUUID();
    await client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
      id,
      migration.checksum,
      migration.name,
    ]);
    try {
      // One simple query: PostgreSQL runs several statements in one transaction, and a single one outside any, which
      // CREATE INDEX CONCURRENTLY needs.
      await client.query(migration.script);
    } catch (error) {
      const text = `Database error code: ${error.code ?? 'none'}\n\nDatabase error:\nERROR: ${error.message}`;
      await client.query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, text]).catch(() => {});
      throw new KnownError(
        'P3018',
        'A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more ' +
          `about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n\n` +
          `Migration name: ${migration.name}\n\n${text}`,
      );
    }
    // Two statements and no transaction around them and the script, as the binary records it: killed in between, it
    // leaves a script that is in the database and not in the history.
    await client.query('UPDATE _prisma_migrations SET applied_steps_count = applied_steps_count + 1 WHERE id = $1', [id]);
    await client.query('UPDATE _prisma_migrations SET finished_at = now() WHERE id = $1', [id]);
  }

  async markApplied({ migrationsDirectoryPath, migrationName }) {
    await this.lock();
    const migration = readMigrations(migrationsDirectoryPath).find((one) => one.name === migrationName);
    if (!migration) {
      throw new KnownError('P3017', `The migration ${migrationName} could not be found. Please make sure that it exists.`);
    }
    const history = (await this.history()).filter((row) => row.migration_name === migrationName && !row.rolled_back_at);
    if (history.some((row) => row.finished_at)) {
      throw new KnownError('P3008', `The migration \`${migrationName}\` is already recorded as applied in the database.`);
    }
    const client = await this.connection();
    await client.query('BEGIN');
    await client.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = ANY($1)', [history.map((row) => row.id)]);
    await client.query(
      'INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ($1, $2, $3, now())',
      [crypto.randomUUID(), migration.checksum, migrationName],
    );
    await client.query('COMMIT');
    return {};
  }

  async markRolledBack({ migrationName }) {
    await this.lock();
    const history = (await this.history()).filter((row) => row.migration_name === migrationName);
    if (history.length === 0) {
      throw new KnownError('P3011', `Migration \`${migrationName}\` cannot be rolled back because it was never applied to the database.`);
    }
    const failed = history.filter((row) => !row.finished_at && !row.rolled_back_at);
    if (failed.length === 0 && history.some((row) => row.finished_at && !row.rolled_back_at)) {
      throw new KnownError('P3012', `Migration \`${migrationName}\` cannot be rolled back because it is not in a failed state.`);
    }
    const client = await this.connection();
    await client.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = ANY($1)', [failed.map((row) => row.id)]);
    return {};
  }

  async version() {
    const client = await this.connection();
    return (await client.query('SELECT version()')).rows[0].version;
  }

  // Held until the connection ends with the process, as the binary does.
  async lock() {
    const client = await this.connection();
    await client.query(`SET lock_timeout = ${ADVISORY_LOCK_TIMEOUT_MILLISECONDS}`);
    try {
      await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
    } catch (error) {
      if (error.code !== LOCK_NOT_AVAILABLE) throw error;
      throw new KnownError(
        'P1002',
        `The database server at \`${this.url.host}:${this.url.port}\` was reached but timed out.\n\n` +
          `Context: Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(${ADVISORY_LOCK})). ` +
          `Timeout: ${ADVISORY_LOCK_TIMEOUT_MILLISECONDS}ms. See https://pris.ly/d/migrate-advisory-locking for details.`,
      );
    }
    await client.query('SET lock_timeout = DEFAULT');
  }

  async history() {
    const client = await this.connection();
    const known = await client.query('SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ($2, $3)', [
      `"${this.url.schema.replaceAll('"', '""')}"`,
      'r',
      'p',
    ]);
    const tables = known.rows.map((row) => row.relname);
    if (!tables.includes('_prisma_migrations')) {
      if (tables.length > 0) {
        throw new KnownError(
          'P3005',
          'The database schema is not empty. Read more about how to baseline an existing production database: ' +
            'https://pris.ly/d/migrate-baseline',
        );
      }
      await client.query(HISTORY_TABLE);
    }
    return (await client.query('SELECT * FROM _prisma_migrations ORDER BY started_at')).rows;
  }
}

function unfinishedError(rows) {
  const each = rows.map(
    (row) => `The \`${row.migration_name}\` migration started at ${row.started_at.toISOString().replace('T', ' ').replace('Z', ' UTC')} failed`,
  );
  return new KnownError(
    'P3009',
    'migrate found failed migrations in the target database, new migrations will not be applied. Read more about how ' +
      `to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n${each.join('\n')}`,
  );
}

function readMigrations(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const file = path.join(folder, name, 'migration.sql');
      if (!fs.existsSync(file)) throw new KnownError('P3015', `Could not find the migration file at ${file}.`);
      const script = fs.readFileSync(file);
      return { name, script: script.toString('utf8'), checksum: crypto.createHash('sha256').update(script).digest('hex') };
    });
}

async function answerLines(schemaFiles) {
  const { readUrl } = await import('./connection.mjs');
  const migrations = new Migrations(readUrl(schemaUrl(schemaFiles)));
  const methods = {
    listMigrationDirectories: (parameters) => migrations.list(parameters),
    applyMigrations: (parameters) => migrations.apply(parameters),
    markMigrationApplied: (parameters) => migrations.markApplied(parameters),
    markMigrationRolledBack: (parameters) => migrations.markRolledBack(parameters),
    getDatabaseVersion: () => migrations.version(),
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { id, method, params } = JSON.parse(line);
    let outcome;
    try {
      if (!methods[method]) throw new Error(`the lab's stand-in for Prisma's schema engine does not implement ${method}`);
      outcome = { result: await methods[method](params ?? {}) };
    } catch (error) {
      const data = { is_panic: false, message: error.message, error_code: error instanceof KnownError ? error.code : undefined };
      outcome = { error: { code: 4466, message: 'An error happened. Check the data field for details.', data } };
    }
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...outcome })}\n`);
  }
}

function schemaUrl(files) {
  const text = files.map((file) => fs.readFileSync(file, 'utf8')).join('\n');
  const [, variable, literal] = text.match(/^\s*url\s*=\s*(?:env\("(\w+)"\)|"([^"]*)")/m) ?? [];
  const url = variable ? process.env[variable] : literal;
  // `migrate diff` names its database in the request, not in a schema, and is refused there.
  return url ?? process.env.DATABASE_URL ?? 'postgresql://nowhere';
}

// `schema-engine cli --datasource URL COMMAND`: the command line reads the log lines after the first one.
async function runCommand(text, command) {
  const { connect, readUrl } = await import('./connection.mjs');
  const url = readUrl(text);
  try {
    if (command === 'can-connect-to-database') {
      await (await connect(url).catch((error) => Promise.reject(connectionError(url, error)))).end();
    } else if (command === 'create-database') {
      await createDatabase(url, connect);
    } else {
      throw new Error(`the lab's stand-in for Prisma's schema engine has no command ${command}`);
    }
  } catch (error) {
    const fields = { message: error.message, error_code: error.code };
    process.stderr.write(`${JSON.stringify({ level: 'INFO', target: 'schema_engine', fields: { message: command } })}\n`);
    process.stderr.write(`${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`);
    process.exitCode = 1;
  }
}

async function createDatabase(url, connect) {
  const client = await connect(url, url.withDatabase('postgres')).catch((error) => Promise.reject(connectionError(url, error)));
  try {
    await client.query(`CREATE DATABASE "${url.database.replaceAll('"', '""')}"`);
  } catch (error) {
    if (!DUPLICATE_DATABASE.includes(error.code)) throw error;
  } finally {
    await client.end();
  }
}

function option(names, parameters) {
  return parameters.filter((_, index) => names.includes(parameters[index - 1]));
}

const parameters = process.argv.slice(2);
if (parameters.includes('--version')) {
  console.log(`schema-engine-cli ${ENGINE_COMMIT}`);
} else if (parameters[0] === 'cli') {
  await runCommand(option(['--datasource', '-d'], parameters)[0], parameters.at(-1));
} else {
  await answerLines(option(['--datamodel', '--datamodels', '-d'], parameters));
}
