import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  decodeProducerSnapshot,
  type ProducerState,
  readProducerSnapshot,
} from '../../../src/log/file/producer-snapshot.ts'
import { crc32c } from '../../../src/log/record/crc32c.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { goldenDumps } from '../../helpers/golden-dumps.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const three = join(fixtureFolder, 'broker/transactions/log-dir/txn-0/00000000000000000007.snapshot')

/** The line of kafka-dump-log, which leaves out the last batch of a producer that has none but markers. */
function dumpLine(state: ProducerState): string {
  const { lastSequence, lastOffset, offsetDelta, timestamp } = state
  const open = state.currentTransactionFirstOffset
  const batch =
    lastSequence < 0
      ? ''
      : ` firstSequence: ${lastSequence - offsetDelta} lastSequence: ${lastSequence} lastOffset: ${lastOffset} offsetDelta: ${offsetDelta} timestamp: ${timestamp}`
  return (
    `producerId: ${state.producerId} producerEpoch: ${state.producerEpoch} coordinatorEpoch: ${state.coordinatorEpoch} ` +
    `currentTxnFirstOffset: ${open < 0 ? 'OptionalLong.empty' : `OptionalLong[${open}]`} lastTimestamp: ${timestamp}${batch}`
  )
}

function withCrc(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes, 6, bytes.length), 2)
  return bytes
}

test('the snapshots of a broker read as kafka-dump-log printed them', () => {
  const dumps = goldenDumps('.snapshot')
  expect(dumps.length).toBeGreaterThan(20)
  for (const { path, lines } of dumps) {
    const { producers } = readProducerSnapshot(path)!
    expect(producers.map(dumpLine), goldenName(path)).toEqual(
      lines.filter(line => line.startsWith('producerId: ')).map(line => line.trimEnd()),
    )
  }
})

test('every golden snapshot is whole', () => {
  for (const path of [...goldenFiles('.snapshot'), ...goldenFiles('.snapshot.deleted')]) {
    expect(readProducerSnapshot(path)?.producers.length, goldenName(path)).toBeGreaterThanOrEqual(0)
  }
})

test('a snapshot without producers is the ten bytes of the class comment', () => {
  expect(decodeProducerSnapshot(Buffer.from('000148674bc700000000', 'hex'), 'x')).toEqual({ producers: [] })
})

test('a missing snapshot is undefined', () => {
  expect(readProducerSnapshot(join(temporaryFolder(), '00000000000000000007.snapshot'))).toBeUndefined()
})

test('a snapshot cut at any byte is corrupt', () => {
  const path = join(temporaryFolder(), '00000000000000000007.snapshot')
  const bytes = readFileSync(three)
  for (let size = 0; size < bytes.length; size++) {
    writeFileSync(path, bytes.subarray(0, size))
    expect(() => readProducerSnapshot(path)).toThrowError(
      expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', path }),
    )
  }
})

test('a flipped bit at any byte of a snapshot is found', () => {
  const bytes = Buffer.from(readFileSync(three))
  for (let at = 0; at < bytes.length; at++) {
    bytes[at]! ^= 0x10
    expect(() => decodeProducerSnapshot(bytes, 'x'), `byte ${at}`).toThrowError(
      expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE' }),
    )
    bytes[at]! ^= 0x10
  }
})

test('a count that does not fit the size is refused, whatever its CRC says', () => {
  for (const count of [2, 4, 2 ** 31 - 1, -1, -(2 ** 31)]) {
    const bytes = Buffer.from(readFileSync(three))
    bytes.writeInt32BE(count, 6)
    expect(() => decodeProducerSnapshot(withCrc(bytes), 'x')).toThrowError(
      `${count} producers take ${10 + count * 46} bytes, found 148`,
    )
  }
})

test('another version is refused', () => {
  const bytes = Buffer.from(readFileSync(three))
  bytes.writeInt16BE(2, 0)
  expect(() => decodeProducerSnapshot(withCrc(bytes), 'x')).toThrowError(
    'unknown version of a snapshot, expected 1, found 2',
  )
})

test('a timestamp of 2^53 under a right CRC is a number too large, with its place', () => {
  const bytes = Buffer.from(readFileSync(three))
  bytes.writeBigInt64BE(2n ** 60n, 10 + 26)
  expect(() => decodeProducerSnapshot(withCrc(bytes), 'x')).toThrowError(
    expect.objectContaining({ code: 'LOGLADY_NUMBER_TOO_LARGE', path: 'x', position: 36 }),
  )
})
