import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseJavaProperties, parseMetaProperties, readMetaProperties } from '../../../src/log/file/meta-properties.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

function parse(text: string) {
  return parseMetaProperties(Buffer.from(text), 'meta.properties')
}

test('every golden meta.properties names node 1 of the one cluster', () => {
  const paths = goldenFiles('meta.properties')
  expect(paths.length).toBeGreaterThan(5)
  const directories = new Set<string>()
  for (const path of paths) {
    const meta = readMetaProperties(path)!
    expect(meta, goldenName(path)).toMatchObject({ version: 1, nodeId: 1, clusterId: 'b2xkLWdvbGRlbi1jbHVzdA' })
    directories.add(meta.directoryId!)
  }
  expect(directories.size).toBe(paths.length)
})

test('a missing file is undefined', () => {
  expect(readMetaProperties(join(temporaryFolder(), 'meta.properties'))).toBeUndefined()
})

test('version 0 has a broker id, and no directory id before Kafka 3.7', () => {
  const { properties, ...meta } = parse('version=0\nbroker.id=7\ncluster.id=abc\n')
  expect(meta).toEqual({ version: 0, nodeId: 7, clusterId: 'abc' })
  expect(properties.get('broker.id')).toBe('7')
  expect(parse('version=1\ncluster.id=abc\nnode.id=3')).not.toHaveProperty('directoryId')
})

test.each([
  ['', 'wrong version, expected 0 or 1, found none'],
  ['version=2\n', 'wrong version, expected 0 or 1, found "2"'],
  ['version=x\n', 'wrong version, expected 0 or 1, found "x"'],
  ['version=1\nnode.id=-1\n', 'wrong node.id, expected a number, found "-1"'],
  ['version=0\nbroker.id=\n', 'wrong broker.id, expected a number, found ""'],
])('%j is corrupt', (text, message) => {
  expect(() => parse(text)).toThrowError(
    expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', path: 'meta.properties', message }),
  )
})

test.each([
  ['a=1\nb:2\nc 3\nd = 4\n e\t:\t5', { a: '1', b: '2', c: '3', d: '4', e: '5' }],
  ['# no\n! no\n\n  # no\na=1 # yes', { a: '1 # yes' }],
  ['a=1\\\n   2\\\r\n3\nb=4', { a: '123', b: '4' }],
  ['a\\=b=c\\:d\\\\\n', { 'a=b': 'c:d\\' }],
  ['a=\\u0041\\t\\n\\x', { a: 'A\t\nx' }],
  ['a\nb=\n=c', { a: '', b: '', '': 'c' }],
  ['a=1\na=2', { a: '2' }],
  ['a=one\\', { a: 'one' }],
])('Java properties: %j', (text, expected) => {
  expect(Object.fromEntries(parseJavaProperties(text))).toEqual(expected)
})
