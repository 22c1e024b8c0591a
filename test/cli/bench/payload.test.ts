import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ChainCheck } from '../../../src/cli/bench/chain-check.ts'
import { Payload, type PayloadOptions, readPayloadLines } from '../../../src/cli/bench/payload.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const never = new AbortController().signal

async function write(content: PayloadOptions['content'], records: number, seed = 7): Promise<Payload> {
  const path = join(temporaryFolder(), 'payload')
  return Payload.write(path, { records, content, seed, signal: never })
}

function linesOf({ path }: Payload): Buffer[] {
  const lines = readFileSync(path, 'latin1').split('\n')
  expect(lines.pop()).toBe('')
  return lines.map(line => Buffer.from(line, 'latin1'))
}

test.each([1, 24, 99, 5000, 300_000])('records of %i bytes make a chain, one a line', async size => {
  const records = size > 5000 ? 5 : 2000
  const payload = await write({ recordSize: size }, records)
  expect(payload).toMatchObject({ records, bytes: records * size, averageRecordBytes: size, largestRecord: size })
  const check = new ChainCheck(records)
  for (const line of linesOf(payload)) {
    expect(line.length).toBe(size)
    check.accept(line, 0, line.length)
  }
  expect(check.finish()).toMatchObject({ records, problem: undefined })
})

test('the same seed gives the same bytes, another one others', async () => {
  const bytes = async (seed: number) => readFileSync((await write({ recordSize: 50 }, 100, seed)).path)
  expect(await bytes(1)).toEqual(await bytes(1))
  expect(await bytes(1)).not.toEqual(await bytes(2))
})

test('lines of a file become the bodies, behind number and hash', async () => {
  const lines = ['short', 'a longer line', ''].map(line => Buffer.from(line))
  const payload = await write({ lines }, 300)
  const found = linesOf(payload)
  expect(new Set(found.map(line => line.subarray(24).toString()))).toEqual(new Set(['short', 'a longer line', '']))
  expect(payload.bytes).toBe(found.reduce((sum, line) => sum + line.length, 0))
  expect(payload.largestRecord).toBe(24 + 'a longer line'.length)
  const check = new ChainCheck(300)
  for (const line of found) check.accept(line, 0, line.length)
  expect(check.finish().problem).toBeUndefined()
})

test('blocks hold whole records, also those larger than a block, and together the file', async () => {
  for (const [size, records] of [
    [100, 10_000],
    [1_000_000, 3],
  ] as const) {
    const payload = await write({ recordSize: size }, records)
    const blocks: Buffer[] = []
    for (const { bytes, start, end } of payload.blocks()) {
      expect(bytes[end - 1]).toBe(0x0a)
      blocks.push(Buffer.from(bytes.subarray(start, end)))
    }
    expect(blocks.length).toBeGreaterThan(1)
    expect(Buffer.concat(blocks).equals(readFileSync(payload.path))).toBe(true)
  }
})

test('records are found by their numbers, some more than once', async () => {
  const payload = await write({ lines: [Buffer.from('a'), Buffer.from('bcd')] }, 20_000)
  const wanted = [0, 1, 1, 4711, 19_999]
  const file = readFileSync(payload.path, 'latin1')
  const lines = linesOf(payload)
  const found = payload.locate(wanted)
  expect(found.map(({ position, size }) => file.slice(position, position + size))).toEqual(
    wanted.map(number => lines[number]!.toString('latin1')),
  )
})

test('a payload file without a newline at its end has all its lines', () => {
  const path = join(temporaryFolder(), 'lines')
  writeFileSync(path, 'one\n\nthree')
  expect(readPayloadLines(path).map(String)).toEqual(['one', '', 'three'])
})

test('a payload file that is empty or missing is refused by name', () => {
  const path = join(temporaryFolder(), 'lines')
  expect(() => readPayloadLines(path)).toThrow('no such payload file')
  writeFileSync(path, '')
  expect(() => readPayloadLines(path)).toThrow('the payload file is empty')
})

test('a signal ends the writing', async () => {
  const path = join(temporaryFolder(), 'payload')
  const stop = new AbortController()
  const onRecords = () => stop.abort()
  const options = { records: 1_000_000, content: { recordSize: 100 }, seed: 1, signal: stop.signal, onRecords }
  await expect(Payload.write(path, options)).rejects.toMatchObject({ name: 'AbortError' })
})
