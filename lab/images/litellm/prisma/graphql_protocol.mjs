// Prisma's Python client speaks the engine's GraphQL protocol and the WebAssembly engine its JSON protocol; both are two
// spellings of one query tree. Written against prisma-engines 5.17: query-engine/request-handlers/src/protocols.
import { parse } from 'graphql';

// A field's name in the GraphQL protocol is an action, then the model, and for two of the actions a suffix.
const ACTIONS = [
  { prefix: 'findUnique', suffix: 'OrThrow', action: 'findUniqueOrThrow' },
  { prefix: 'findFirst', suffix: 'OrThrow', action: 'findFirstOrThrow' },
  ...[
    'findUnique', 'findFirst', 'findMany', 'createOne', 'createMany', 'updateOne', 'updateMany', 'deleteOne',
    'deleteMany', 'upsertOne', 'aggregate', 'groupBy',
  ].map((action) => ({ prefix: action, suffix: '', action })),
];
const RAW_ACTIONS = ['queryRaw', 'executeRaw'];
const JSON_OPERATORS = ['set', 'equals', 'not', 'push', 'array_contains', 'array_starts_with', 'array_ends_with'];

/** Each model's fields and their types, read from the text of a Prisma schema. */
export function readModels(schema) {
  const models = new Map();
  for (const [, model, body] of schema.matchAll(/^model\s+(\w+)\s*\{([\s\S]*?)^\}/gm)) {
    const fields = body.split('\n').map((line) => line.match(/^\s*(\w+)\s+(\w+)/)).filter(Boolean);
    models.set(model, new Map(fields.map(([, name, type]) => [name, type])));
  }
  return models;
}

/** One GraphQL document with one field, as `{alias, isRaw, request}` where `request` is the JSON protocol's. */
export function toJsonProtocol(document, models) {
  const field = parse(document).definitions[0].selectionSet.selections[0];
  const name = field.name.value;
  const alias = field.alias?.value ?? name;
  if (RAW_ACTIONS.includes(name)) {
    return { alias, isRaw: true, request: { action: name, query: { arguments: readArguments(field), selection: {} } } };
  }
  const known = ACTIONS.find(({ prefix, suffix }) => name.startsWith(prefix) && name.endsWith(suffix));
  if (!known) throw new Error(`the lab's query engine knows no action ${name}`);
  const modelName = name.slice(known.prefix.length, name.length - known.suffix.length);
  const query = {
    arguments: tagJson(readArguments(field), modelName, models),
    selection: readSelection(field.selectionSet),
  };
  return { alias, isRaw: false, request: { modelName, action: known.action, query } };
}

/** The JSON protocol's answer to the query that had `alias`, as the GraphQL protocol gives it. */
export function toGraphqlProtocol({ alias, isRaw }, response) {
  if (response.errors) return response;
  const [value] = Object.values(response.data);
  return { ...response, data: { [alias]: isRaw ? readRawResult(value) : untag(value) } };
}

function readArguments(field) {
  return Object.fromEntries((field.arguments ?? []).map((argument) => [argument.name.value, readValue(argument.value)]));
}

function readValue(node) {
  switch (node.kind) {
    case 'NullValue':
      return null;
    case 'IntValue':
      return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : { $type: 'BigInt', value: node.value };
    case 'FloatValue':
      return Number(node.value);
    case 'StringValue':
    case 'BooleanValue':
    case 'EnumValue':
      return node.value;
    case 'ListValue':
      return node.values.map(readValue);
    case 'ObjectValue':
      return Object.fromEntries(node.fields.map((field) => [field.name.value, readValue(field.value)]));
    default:
      throw new Error(`the lab's query engine knows no GraphQL value of kind ${node.kind}`);
  }
}

function readSelection(selectionSet) {
  return Object.fromEntries(
    (selectionSet?.selections ?? []).map((field) => [
      field.name.value,
      field.selectionSet ? { arguments: readArguments(field), selection: readSelection(field.selectionSet) } : true,
    ]),
  );
}

// A value of a Json field is a JSON text in the GraphQL protocol, and tagged as one in the JSON protocol; no other text
// may be tagged, so the model's field types decide. A name that is no field (`where`, `data`, `AND`) keeps the model.
function tagJson(value, model, models) {
  if (Array.isArray(value)) return value.map((item) => tagJson(item, model, models));
  if (!isObject(value) || '$type' in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const type = models.get(model)?.get(name);
      if (type === 'Json') return [name, tagJsonField(inner)];
      if (models.has(type)) return [name, tagJson(inner, type, models)];
      return [name, type ? inner : tagJson(inner, model, models)];
    }),
  );
}

function tagJsonField(value) {
  if (!isObject(value)) return tagText(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, JSON_OPERATORS.includes(name) ? tagText(inner) : inner]),
  );
}

function tagText(value) {
  return typeof value === 'string' ? { $type: 'Json', value } : value;
}

function untag(value) {
  if (Array.isArray(value)) return value.map(untag);
  if (!isObject(value)) return value;
  if ('$type' in value) {
    const number = Number(value.value);
    return value.$type === 'BigInt' && Number.isSafeInteger(number) ? number : untag(value.value);
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, untag(inner)]));
}

function readRawResult(value) {
  const result = isObject(value) && '$type' in value ? value.value : value;
  if (!isObject(result) || !Array.isArray(result.rows)) return result;
  const rows = result.rows.map((row) =>
    row.map((cell, column) => (result.types[column] === 'json' && typeof cell === 'string' ? JSON.parse(cell) : cell)),
  );
  return { ...result, rows };
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
