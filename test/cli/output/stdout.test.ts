import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { BlockSink } from '../../../src/cli/output/stdout.ts'
import { pipeSize, StorageError } from '../../../src/log/index.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

/** Both ends of a real pipe. */
function makePipe(flags = 0): { readEnd: number; writeEnd: number } {
  const path = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY | flags)
  onTestFinished(() => closeSync(writeEnd))
  return { readEnd, writeEnd }
}

function put(sink: BlockSink, bytes: Buffer): void {
  sink.ensure(bytes.length)
  bytes.copy(sink.block, sink.position)
  sink.position += bytes.length
}

/** What the pipe has at this moment. */
function readSome(fd: number, most = 1 << 20): Buffer {
  const bytes = Buffer.alloc(most)
  try {
    return bytes.subarray(0, readSync(fd, bytes))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return Buffer.alloc(0)
    throw error
  }
}

function pattern(length: number, seed = 0): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff))
}

test('blocks arrive in order in a file, the last one too', async () => {
  const path = join(temporaryFolder(), 'out')
  const fd = openSync(path, 'w')
  const sink = new BlockSink({ fd })
  const written: Buffer[] = []
  for (let i = 0; i < 300; i++) {
    const piece = pattern(7000, i)
    written.push(piece)
    put(sink, piece)
    if (sink.isFull) await sink.rotate()
  }
  await sink.flush()
  closeSync(fd)
  expect(readFileSync(path).equals(Buffer.concat(written))).toBe(true)
  expect(sink.produced).toBe(2_100_000)
  expect(sink.written).toBe(2_100_000)
  expect(sink.taken()).toBe(2_100_000)
})

test('a record larger than a block is one piece of the output', async () => {
  const path = join(temporaryFolder(), 'out')
  const fd = openSync(path, 'w')
  const sink = new BlockSink({ fd })
  const pieces = [pattern(1000), pattern(5_000_000), pattern(1000)]
  for (const piece of pieces) put(sink, piece)
  await sink.flush()
  closeSync(fd)
  expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true)
})

test('a slow reader gets everything and nothing is waited for before all blocks are full', async () => {
  const { readEnd, writeEnd } = makePipe()
  onTestFinished(() => closeSync(readEnd))
  const sink = new BlockSink({ fd: writeEnd, isCounted: true })
  const piece = pattern(256 * 1024)
  for (let i = 0; i < 2; i++) {
    put(sink, piece)
    await sink.rotate()
  }
  put(sink, piece)
  let isDone = false
  const done = sink.flush().then(() => {
    isDone = true
  })
  await sleep(20)
  expect(isDone).toBe(false)
  const received: Buffer[] = []
  while (!isDone) {
    received.push(readSome(readEnd, 10_000))
    await sleep(1)
  }
  await done
  received.push(readSome(readEnd))
  expect(Buffer.concat(received).equals(Buffer.concat([piece, piece, piece]))).toBe(true)
})

test('a pipe that somebody made non-blocking loses nothing', async () => {
  const { readEnd, writeEnd } = makePipe(constants.O_NONBLOCK)
  onTestFinished(() => closeSync(readEnd))
  const sink = new BlockSink({ fd: writeEnd, isCounted: true })
  const piece = pattern(300_000)
  put(sink, piece)
  let isDone = false
  const done = sink.flush().then(() => {
    isDone = true
  })
  const received: Buffer[] = []
  while (!isDone) {
    received.push(readSome(readEnd, 50_000))
    await sleep(1)
  }
  await done
  received.push(readSome(readEnd))
  expect(Buffer.concat(received).equals(piece)).toBe(true)
})

test('what is still in the pipe is not taken', async () => {
  const { readEnd, writeEnd } = makePipe()
  onTestFinished(() => closeSync(readEnd))
  const sink = new BlockSink({ fd: writeEnd })
  put(sink, pattern(10_000))
  await sink.flush()
  expect(sink.written).toBe(10_000)
  expect(sink.taken()).toBe(0)
  readSome(readEnd, 4_000)
  expect(sink.taken()).toBe(4_000)
  readSome(readEnd)
  expect(sink.taken()).toBe(10_000)
})

test('a reader that has gone closes the sink quietly', async () => {
  const { readEnd, writeEnd } = makePipe()
  const sink = new BlockSink({ fd: writeEnd })
  put(sink, pattern(100))
  await sink.flush()
  closeSync(readEnd)
  put(sink, pattern(100))
  await sink.flush()
  expect(sink.isClosed).toBe(true)
  for (let i = 0; i < 10; i++) {
    put(sink, pattern(300_000))
    await sink.rotate()
  }
  await sink.flush()
  expect(sink.written).toBe(100)
})

test('any other failure of a write is an error', async () => {
  const fd = openSync('/dev/full', 'w')
  onTestFinished(() => closeSync(fd))
  const sink = new BlockSink({ fd })
  put(sink, pattern(100))
  await expect(sink.flush()).rejects.toThrow(StorageError)
  await expect(sink.flush()).rejects.toThrow('cannot write to stdout: ENOSPC')
})

test('the pipe grows once the output is long, and not before', async () => {
  const { readEnd, writeEnd } = makePipe()
  onTestFinished(() => closeSync(readEnd))
  const sink = new BlockSink({ fd: writeEnd })
  put(sink, pattern(60_000))
  await sink.flush()
  expect(pipeSize(writeEnd)).toBe(65_536)
  put(sink, pattern(1_000_000))
  let isDone = false
  const done = sink.flush().then(() => {
    isDone = true
  })
  while (!isDone) {
    readSome(readEnd)
    await sleep(1)
  }
  await done
  expect(pipeSize(writeEnd)).toBe(1_048_576)
})

test('an abandoned sink waits for nobody', async () => {
  const { readEnd, writeEnd } = makePipe()
  const sink = new BlockSink({ fd: writeEnd, isCounted: true })
  const waiting = (async () => {
    for (let i = 0; i < 5; i++) {
      put(sink, pattern(256 * 1024))
      await sink.rotate()
    }
    await sink.flush()
  })()
  while (sink.written < 65_536) await sleep(1)
  sink.abandon()
  await waiting
  expect(sink.written).toBe(65_536)
  closeSync(readEnd)
  await sink.settled()
  expect(sink.isClosed).toBe(true)
})

test('a counted sink knows what was taken while its reader has stopped in the middle of a block', async () => {
  const { readEnd, writeEnd } = makePipe()
  const sink = new BlockSink({ fd: writeEnd, isCounted: true })
  put(sink, pattern(250_000))
  const flushed = sink.flush()
  let taken = 0
  while (taken < 100_000) {
    taken += readSome(readEnd, 10_000).length
    await sleep(1)
  }
  await sleep(20)
  expect(sink.taken()).toBeLessThanOrEqual(taken)
  expect(sink.taken()).toBeGreaterThan(taken - 16_384)
  closeSync(readEnd)
  await flushed
})
