import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Framing } from '../../../src/cli/framing/framing.ts'
import { InputFeed } from '../../../src/cli/framing/input-feed.ts'
import { JsonLinesFraming } from '../../../src/cli/framing/json-lines.ts'
import { LengthPrefixedFraming, Uint32Prefix } from '../../../src/cli/framing/length-prefixed.ts'
import { DelimitedFraming } from '../../../src/cli/framing/lines.ts'
import { RecordRules } from '../../../src/cli/framing/record-rules.ts'
import { WholeFraming } from '../../../src/cli/framing/whole.ts'
import { InvalidRecordError, type LogladyError, RecordTooLargeError } from '../../../src/log/index.ts'
import { makeFifo } from '../../helpers/fifo.ts'
import { RecordingTarget } from '../../helpers/recording-target.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const lines = () => new DelimitedFraming(Buffer.from('\n'), new RecordRules(), false)
const uint32 = () => new LengthPrefixedFraming(new Uint32Prefix(), new RecordRules())
const json = () => new JsonLinesFraming()

function feedOf(files: string[], framing: () => Framing = lines, capacity = 1000) {
  const target = new RecordingTarget({ capacity })
  return { target, feed: new InputFeed({ files, framing, target }) }
}

function fileOf(content: string | Buffer): string {
  const path = join(temporaryFolder(), 'input')
  writeFileSync(path, content)
  return path
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1)
}

test('files come one after the other, each split by itself', async () => {
  const files = [fileOf('a\nb'), fileOf(''), fileOf('c\n')]
  const { feed, target } = feedOf(files)
  await feed.run()
  expect(target.values).toEqual(['a', 'b', 'c'])
  expect(feed.bytes).toBe(5)
})

test('a file larger than the buffer, with lines longer than it, comes whole and in order', async () => {
  const values = Array.from({ length: 400 }, (_, n) => String(n).repeat(n % 100 === 7 ? 300_000 : n * 10))
  const { feed, target } = feedOf([fileOf(values.join('\n'))], lines, 7)
  await feed.run()
  expect(target.values).toEqual(values)
})

test('a FIFO is opened without blocking, waited for, and read until its last writer has closed it', async () => {
  const fifo = makeFifo()
  const { feed, target } = feedOf([fifo.path])
  const run = feed.run()
  await sleep(20)
  const writer = fifo.openWriter()
  await sleep(20)
  writer.write('one\ntw')
  await until(() => target.values.length === 1)
  writer.write('o\nthree')
  await until(() => target.values.length === 2)
  expect(target.values).toEqual(['one', 'two'])
  writer.close()
  await run
  expect(target.values).toEqual(['one', 'two', 'three'])
})

test('errors say the input, the line or record, and the byte', async () => {
  const errorOf = async (path: string, framing: Parameters<typeof feedOf>[1]) => {
    const { feed } = feedOf([path], framing)
    const error = await feed.run().then(
      () => undefined,
      error => error as LogladyError,
    )
    return error?.describe()
  }
  const broken = fileOf('{"value":"1"}\n{"value":"2"}\n{"value":3}\n')
  expect(await errorOf(broken, json)).toBe(`${broken}: line 3: a value is a string, {"base64": "…"} or null at byte 37`)
  const short = fileOf(Buffer.from([0, 0, 0, 1, 0x61, 0, 0, 0, 9, 0x62]))
  expect(await errorOf(short, uint32)).toBe(
    `${short}: record 2: the input ends inside a record: its length says 9 bytes, 1 are there at byte 5`,
  )
  expect(await errorOf('/nonexistent/file', lines)).toBe('/nonexistent/file: no such file')
  const folder = temporaryFolder()
  expect(await errorOf(folder, lines)).toBe(`${folder}: is a folder, not a file`)
})

test('a record too large for the target is named by its line, and those before it were taken', async () => {
  const path = fileOf(`a\n\n${'x'.repeat(100)}\nb\n`)
  const target = new RecordingTarget({ maxMessageBytes: 50 })
  const error = await new InputFeed({ files: [path], framing: lines, target }).run().catch(error => error)
  expect(error).toBeInstanceOf(RecordTooLargeError)
  expect(error.describe()).toBe(`${path}: line 3: too large at byte 3`)
  expect(target.values).toEqual(['a', ''])
})

test('an argument that the target refuses for a record is an error of that record', async () => {
  const path = fileOf('{"value":""}\n{"value":"","partition":99}\n')
  const target = new RecordingTarget()
  const error = await new InputFeed({ files: [path], framing: json, target }).run().catch(error => error)
  expect(error).toBeInstanceOf(InvalidRecordError)
  expect(error.describe()).toBe(`${path}: line 2: no partition 99 at byte 13`)
})

test('stop: what the pipe holds at that moment is taken, an unfinished line too, and nothing later', async () => {
  const fifo = makeFifo()
  const { feed, target } = feedOf([fifo.path])
  const run = feed.run()
  const writer = fifo.openWriter()
  writer.write('one\n')
  await until(() => target.values.length === 1)
  writer.write('two\nthr')
  feed.stop()
  writer.write('ee\nfour\n')
  await run
  expect(target.values).toEqual(['one', 'two', 'thr'])
  expect(feed.interruption).toEqual({ name: fifo.path, position: 11, droppedBytes: 0 })
  writer.close()
})

test('stop again: the rest of the pipe is dropped', async () => {
  const fifo = makeFifo()
  const { feed, target } = feedOf([fifo.path])
  const run = feed.run()
  const writer = fifo.openWriter()
  writer.write('one\n')
  await until(() => target.values.length === 1)
  writer.write('two\n')
  feed.stop()
  feed.stop()
  await run
  expect(target.values).toEqual(['one'])
  writer.close()
})

test('stop inside a record that cannot be one: its bytes are dropped and counted, it is no error', async () => {
  for (const [framing, text, taken] of [
    [uint32, '\0\0\0\x03one\0\0\0\x03t', 7],
    [json, '{"value":"one"}\n{"val', 16],
  ] as const) {
    const fifo = makeFifo()
    const { feed, target } = feedOf([fifo.path], framing)
    const run = feed.run()
    const writer = fifo.openWriter()
    writer.write(text)
    await until(() => target.values.length === 1)
    feed.stop()
    await run
    expect(target.values).toEqual(['one'])
    expect(feed.interruption).toEqual({ name: fifo.path, position: taken, droppedBytes: 5 })
    writer.close()
  }
})

test('stop while no input is there ends the wait; inputs after it are not opened', async () => {
  const fifo = makeFifo()
  const { feed, target } = feedOf([fifo.path, '/nonexistent'])
  const run = feed.run()
  const writer = fifo.openWriter()
  await sleep(20)
  feed.stop()
  await run
  expect(target.values).toEqual([])
  writer.close()
})

test('stop in the middle of a file ends behind a whole record; the file still has the rest', async () => {
  const text = 'a line of some length\n'.repeat(100_000)
  const { feed, target } = feedOf([fileOf(text)], lines, 100)
  let flushes = 0
  target.flushFull = async () => {
    RecordingTarget.prototype.flushFull.call(target)
    if (++flushes === 3) feed.stop()
  }
  await feed.run()
  const bytes = target.values.length * 22
  expect(bytes).toBeLessThan(text.length)
  expect(new Set(target.values)).toEqual(new Set(['a line of some length']))
  expect(feed.interruption).toMatchObject({ position: bytes, droppedBytes: 0 })
})

test('abort ends the run at once, also while it waits', async () => {
  const fifo = makeFifo()
  const { feed, target } = feedOf([fifo.path])
  const run = feed.run()
  const writer = fifo.openWriter()
  writer.write('one\n')
  await until(() => target.values.length === 1)
  feed.abort()
  await run
  expect(feed.interruption).toBeUndefined()
  writer.close()
})

test('the event loop gets its turns while a long file is read', async () => {
  const { feed, target } = feedOf([fileOf(Buffer.alloc(30_000_000, 'some bytes in a line\n'))], lines, 1e9)
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns++
    if (!isOver) setTimeout(count, 1)
  }
  setTimeout(count, 1)
  await feed.run()
  isOver = true
  expect(target.records).toBeGreaterThan(1_000_000)
  expect(turns).toBeGreaterThan(10)
})

test('whole files are one record each, /dev/null is an empty one', async () => {
  const target = new RecordingTarget()
  const framing = () => new WholeFraming(new RecordRules())
  await new InputFeed({ files: [fileOf('a\nb'), '/dev/null'], framing, target }).run()
  expect(target.values).toEqual(['a\nb', ''])
})
