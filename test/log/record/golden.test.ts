import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { codecs } from '../../../src/log/record/compression/index.ts'
import { readControlRecord } from '../../../src/log/record/control-record.ts'
import { RecordCursor } from '../../../src/log/record/record-cursor.ts'
import {
  type ExpectedRecord,
  expectedOffsets,
  expectedRecords,
  fixtureFolder,
  type GoldenCase,
  goldenBatches,
  goldenCases,
  segmentFiles,
} from '../../helpers/golden.ts'

const header = new BatchHeader()
const cursor = new RecordCursor()

/** Calls `onBatch` for every valid batch from the start; returns where they end. */
function scan(bytes: Buffer, onBatch: () => void): number {
  let position = 0
  while (position < bytes.length && header.read(bytes, position, bytes.length) === 'whole') {
    if (!header.crcMatches()) break
    onBatch()
    position += header.sizeInBytes
  }
  return position
}

const text = (bytes: Buffer | null) => bytes?.toString() ?? null

/** The records as [offset, timestamp, key, value, headers]. */
function decode(bytes: Buffer) {
  const records: unknown[] = []
  const end = scan(bytes, () => {
    cursor.open(header)
    while (cursor.next()) {
      const headers = cursor.headers().map(([key, value]) => [text(key), text(value)])
      records.push([cursor.offset, cursor.timestamp, text(cursor.key()), text(cursor.value()), headers])
    }
  })
  expect(end).toBe(bytes.length)
  return records
}

const batches = goldenBatches()
const T = 1700000000000

test.each(codecs)('decodes the golden batch with codec %s', codec => {
  expect(decode(batches.get(codec)!)).toEqual([
    [42, T, 'key-1', 'value-1', []],
    [43, T + 5, null, 'no key', []],
    [44, T - 3, 'key-1', null, []],
    [
      45,
      T + 1000,
      '',
      '',
      [
        ['h1', 'v1'],
        ['hn', null],
        ['é', ''],
      ],
    ],
  ])
})

test('gives every record of a LogAppendTime batch the batch timestamp', () => {
  expect(decode(batches.get('LAT')!)).toEqual([[0, T + 77, 'key-1', 'value-1', []]])
  expect(cursor.timestampType).toBe('LogAppendTime')
})

test('decodes the golden transactional batch, its markers and an empty batch', () => {
  expect(decode(batches.get('TXN')!)).toHaveLength(2)
  expect(header.isTransactional).toBe(true)
  expect(header.producerId).toBe(9001n)
  for (const type of ['COMMIT', 'ABORT']) {
    expect(decode(batches.get(type)!)).toHaveLength(1)
    cursor.open(header)
    expect(cursor.isControl).toBe(true)
    expect(cursor.next()).toBe(true)
    expect(readControlRecord(cursor)).toMatchObject({ type, version: 0, coordinatorEpoch: 5 })
  }
  expect(decode(batches.get('EMPTY')!)).toEqual([])
  expect(header.nextOffset).toBe(105)
})

test('decodes a golden batch without timestamps', () => {
  expect(decode(batches.get('NOTS')!)).toEqual([[0, -1, null, 'x', []]])
})

test.each(['none', 'gzip', 'lz4'])('decodes the golden message sets of magic 0 and 1 with codec %s', codec => {
  expect(decode(batches.get(`MAGIC0 ${codec}`)!)).toEqual([
    [10, -1, 'key-1', 'value-1', []],
    [11, -1, null, 'no key', []],
  ])
  expect(cursor.timestampType).toBe('NoTimestampType')
  expect(decode(batches.get(`MAGIC1 ${codec}`)!)).toEqual([
    [10, T, 'key-1', 'value-1', []],
    [11, T + 5, null, 'no key', []],
  ])
  expect(cursor.timestampType).toBe('CreateTime')
})

/** The lines that kafka-dump-log --print-data-log prints for a batch. */
function dumpBatch(): string[] {
  const { magic, isLogAppendTime, maxTimestamp, position, sizeInBytes, crc } = header
  const type = magic === 0 ? 'NoTimestampType' : isLogAppendTime ? 'LogAppendTime' : 'CreateTime'
  const tail =
    `position: ${position} ${type}: ${maxTimestamp} size: ${sizeInBytes} magic: ${magic} ` +
    `compresscodec: ${codecs[header.codecId]} crc: ${crc} isvalid: ${header.crcMatches()}`
  if (magic < 2) return [`offset: ${header.lastOffset} ${tail}`, ...dumpRecords()]
  const { baseOffset, lastOffset, recordsCount, baseSequence, baseTimestamp } = header
  const lastSequence = baseSequence < 0 ? -1 : baseSequence + lastOffset - baseOffset
  const line =
    `baseOffset: ${baseOffset} lastOffset: ${lastOffset} count: ${recordsCount} baseSequence: ${baseSequence} ` +
    `lastSequence: ${lastSequence} producerId: ${header.producerId} producerEpoch: ${header.producerEpoch} ` +
    `partitionLeaderEpoch: ${header.leaderEpoch} isTransactional: ${header.isTransactional} ` +
    `isControl: ${header.isControl} ` +
    `deleteHorizonMs: ${header.hasDeleteHorizon ? `OptionalLong[${baseTimestamp}]` : 'OptionalLong.empty'} ${tail}`
  return [line, ...dumpRecords()]
}

function dumpRecords(): string[] {
  const lines: string[] = []
  cursor.open(header)
  while (cursor.next()) {
    const key = cursor.key()
    const value = cursor.value()
    const sizes = `keySize: ${key?.length ?? -1} valueSize: ${value?.length ?? -1}`
    const start = `| offset: ${cursor.offset} ${cursor.timestampType}: ${cursor.timestamp} ${sizes}`
    lines.push(`${start} ${dumpDetails()}`)
  }
  return lines
}

function dumpDetails(): string {
  const key = cursor.keyStart < 0 ? '' : ` key: ${cursor.key()}`
  const payload = cursor.valueStart < 0 ? '' : ` payload: ${cursor.value()}`
  // The stray brace is Kafka's. The CRC of an inner message stands right in front of its magic, attributes and key.
  if (header.magic < 2) return `isValid: true crc: ${legacyCrc()}}${key}${payload}`
  const { baseSequence, baseOffset } = header
  const sequence = baseSequence < 0 ? -1 : baseSequence + cursor.offset - baseOffset
  const names = cursor.headers().map(([name]) => name.toString())
  const common = `sequence: ${sequence} headerKeys: [${names.join(',')}]`
  if (!cursor.isControl) return `${common}${key}${payload}`
  const marker = readControlRecord(cursor)
  return `${common} endTxnMarker: ${marker.type} coordinatorEpoch: ${marker.coordinatorEpoch}`
}

function legacyCrc(): number {
  // Every key of the fixture is there, so the CRC is found from it: 4 bytes length, 8 timestamp (magic 1), 2, then 4 CRC.
  const keyLengthAt = cursor.keyStart - 4
  return cursor.bytes.readUInt32BE(keyLengthAt - (cursor.magic === 1 ? 8 : 0) - 2 - 4)
}

test.each([
  ['golden-0', '00000000000000000000.log', '00000000000000000000.dump.txt'],
  ['golden-0', '00000000000000000418.log', '00000000000000000418.dump.txt'],
  ['legacy-0', '00000000000000000000.log', 'legacy.dump.txt'],
])('decodes %s/%s to the lines that kafka-dump-log prints', (folder, file, dump) => {
  const bytes = readFileSync(join(fixtureFolder, folder, file))
  const lines = [`Dumping ${file}`, `Log starting offset: ${Number(basename(file, '.log'))}`]
  const end = scan(bytes, () => lines.push(...dumpBatch()))
  expect(end).toBe(bytes.length)
  const expected = readFileSync(join(fixtureFolder, dump), 'utf8').trimEnd().split('\n')
  expect(lines).toEqual(expected)
})

/** What a consumer gets from one partition, and the offset behind the last batch. */
function consume(golden: GoldenCase, topic: string, partition: number, from: number) {
  const records: ExpectedRecord[] = []
  let logEndOffset = -1
  for (const path of segmentFiles(golden.logDirectory, topic, partition)) {
    const bytes = readFileSync(path)
    logEndOffset = Math.max(logEndOffset, Number(basename(path, '.log')))
    const end = scan(bytes, () => {
      logEndOffset = header.nextOffset
      if (header.isControl) return
      cursor.open(header)
      while (cursor.next()) if (cursor.offset >= from) records.push(asExpected(topic, partition))
    })
    // A log that was preallocated has zeros behind its last batch and nothing else.
    expect(
      bytes.subarray(end).every(byte => byte === 0),
      path,
    ).toBe(true)
  }
  return { records, logEndOffset }
}

function asExpected(topic: string, partition: number): ExpectedRecord {
  const base64 = (bytes: Buffer | null) => bytes?.toString('base64') ?? null
  const headers = cursor.headers().map(([key, value]): [string, string | null] => [key.toString(), base64(value)])
  const { offset, timestamp, timestampType } = cursor
  const [keyB64, valueB64] = [base64(cursor.key()), base64(cursor.value())]
  return { topic, partition, offset, timestamp, timestampType, keyB64, valueB64, headers }
}

test.each(goldenCases())('reads from the broker directory $name what its consumer read', golden => {
  const expected = Map.groupBy(expectedRecords(golden)!, ({ topic, partition }) => `${topic}-${partition}`)
  let checked = 0
  for (const { topic, partition, logStartOffset, logEndOffset, records } of expectedOffsets(golden)) {
    const name = `${topic}-${partition}`
    const found = consume(golden, topic, partition, logStartOffset)
    expect(found.records, name).toEqual(expected.get(name) ?? [])
    expect(found.records, name).toHaveLength(records)
    expect(found.logEndOffset, name).toBe(logEndOffset)
    checked += records
  }
  expect(checked).toBe([...expected.values()].flat().length)
})
