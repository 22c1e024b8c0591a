import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  formatTopicsFile,
  parseTopicsFile,
  readTopicsFile,
  type TopicEntry,
  writeTopicsFile,
} from '../../../src/log/file/topics-file.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const id = 'ESIzRFVmd4iZqrvM3e7_AA'

function parse(root: unknown): Map<string, TopicEntry> {
  return parseTopicsFile(Buffer.from(typeof root === 'string' ? root : JSON.stringify(root)), 'loglady-topics.json')
}

test('topics are written sorted, one property a line, and read back', () => {
  const directory = temporaryFolder()
  const topics = new Map<string, TopicEntry>([
    [
      'orders',
      {
        id,
        partitions: 3,
        config: new Map([
          ['segment.bytes', '1048576'],
          ['cleanup.policy', 'compact'],
        ]),
      },
    ],
    ['default', { id, partitions: 1, config: new Map() }],
  ])
  writeTopicsFile(directory, topics)
  expect(readdirSync(directory)).toEqual(['loglady-topics.json'])
  expect(readFileSync(join(directory, 'loglady-topics.json'), 'utf8')).toBe(`{
  "version": 1,
  "topics": {
    "default": {
      "id": "ESIzRFVmd4iZqrvM3e7_AA",
      "partitions": 1,
      "config": {}
    },
    "orders": {
      "id": "ESIzRFVmd4iZqrvM3e7_AA",
      "partitions": 3,
      "config": {
        "cleanup.policy": "compact",
        "segment.bytes": "1048576"
      }
    }
  }
}
`)
  expect([...readTopicsFile(directory)!.keys()]).toEqual(['default', 'orders'])
  expect(readTopicsFile(directory)).toEqual(topics)
})

test('a directory without the file is not one without topics', () => {
  const directory = temporaryFolder()
  expect(readTopicsFile(directory)).toBeUndefined()
  writeTopicsFile(directory, new Map())
  expect(readTopicsFile(directory)).toEqual(new Map())
})

test('names that JavaScript objects have already are topics and keys like others', () => {
  const topics = new Map<string, TopicEntry>([
    ['__proto__', { id, partitions: 1, config: new Map([['constructor', 'x']]) }],
    ['toString', { id, partitions: 2, config: new Map([['__proto__', 'y']]) }],
  ])
  expect(parse(formatTopicsFile(topics))).toEqual(topics)
})

test('a number as a topic name stays in its place', () => {
  const topics = new Map<string, TopicEntry>([
    ['10', { id, partitions: 1, config: new Map() }],
    ['9', { id, partitions: 2, config: new Map() }],
  ])
  expect(parse(formatTopicsFile(topics))).toEqual(topics)
})

test('properties that are not known are passed over', () => {
  expect(parse({ version: 1, more: 1, topics: { a: { id, partitions: 1, config: {}, owner: 'me' } } }).size).toBe(1)
})

const entry = { id, partitions: 1, config: {} }
test.each([
  ['', /^not valid JSON: /],
  ['{"version": 1, "topics": {', /^not valid JSON: /],
  ['[]', /^the file: expected an object, found \[\]$/],
  [null, /^the file: expected an object, found null$/],
  [{ topics: {} }, /^version: expected 1, found nothing$/],
  [{ version: 2, topics: {} }, /^version: expected 1, found 2$/],
  [{ version: '1', topics: {} }, /^version: expected 1, found "1"$/],
  [{ version: 1 }, /^topics: expected an object, found nothing$/],
  [{ version: 1, topics: [] }, /^topics: expected an object, found \[\]$/],
  [{ version: 1, topics: { a: 7 } }, /^topic "a": expected an object, found 7$/],
  [{ version: 1, topics: { 'a b': entry } }, /^topic "a b": the topic name "a b" has " " in it/],
  [{ version: 1, topics: { '../a': entry } }, /^topic "..\/a": the topic name /],
  [{ version: 1, topics: { a: { ...entry, id: undefined } } }, /^the id of topic "a": expected 22 characters/],
  [{ version: 1, topics: { a: { ...entry, id: 'short' } } }, /^topic "a": "short" is no topic id$/],
  [
    { version: 1, topics: { a: { ...entry, partitions: 0 } } },
    /^the partitions of topic "a": expected a number from 1 /,
  ],
  [{ version: 1, topics: { a: { ...entry, partitions: 1.5 } } }, /found 1\.5$/],
  [{ version: 1, topics: { a: { ...entry, partitions: 2 ** 31 } } }, /found 2147483648$/],
  [
    { version: 1, topics: { a: { ...entry, partitions: 100_001 } } },
    /expected a number from 1 to 100000, found 100001$/,
  ],
  [{ version: 1, topics: { a: { ...entry, partitions: '1' } } }, /found "1"$/],
  [
    { version: 1, topics: { a: { ...entry, config: null } } },
    /^the config of topic "a": expected an object, found null$/,
  ],
  [{ version: 1, topics: { a: { ...entry, config: { k: 5 } } } }, /^k of topic "a": expected text, found 5$/],
])('%j is corrupt', (root, message) => {
  expect(() => parse(root)).toThrowError(
    expect.objectContaining({
      code: 'LOGLADY_CORRUPT_FILE',
      path: 'loglady-topics.json',
      message: expect.stringMatching(message),
    }),
  )
})

test('a file cut at any byte is corrupt', () => {
  const directory = temporaryFolder()
  const path = join(directory, 'loglady-topics.json')
  const text = formatTopicsFile(new Map([['a', { id, partitions: 1, config: new Map([['segment.ms', '5']]) }]]))
  for (let size = 0; size < text.length - 1; size++) {
    writeFileSync(path, text.slice(0, size))
    expect(() => readTopicsFile(directory)).toThrowError(
      expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', path }),
    )
  }
})

test('a file of a later version says who may have written it', () => {
  expect(() => parse({ version: 2, topics: {} })).toThrowError(
    expect.objectContaining({ hint: 'a later loglady may have written it' }),
  )
})
