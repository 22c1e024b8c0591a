import { closeSync, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WHOLE, WRITE, WRITER_LIFE } from '../file/lock-file.ts'
import { directoryLockFile, partitionLockFile } from '../file/names.ts'
import { type LockMode, ofdHolderPid } from '../file/posix.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import type { SegmentContext } from './inspect-context.ts'
import type { Finding, Verdict } from './inspect-report.ts'
import type { BadBytes, Tail } from './segment-scan.ts'

/** A write of 1 MiB is over in far less, also on a busy machine. */
const SECOND_LOOK_AFTER_MS = 200

/**
 * What bytes behind the last whole batch are. Below the recovery point and in a rolled segment everything was synced, so
 * they are damage. Above it they are a write that is going on, if anybody holds a writer's lock or a second look finds
 * them whole; else what a writer left when it died.
 */
export async function judgeTail(context: SegmentContext, tail: Tail, fd: number): Promise<Finding> {
  const { logPath, place, partition } = context
  const finding = { path: logPath, ...describeBadBytes(tail) }
  if (place === 'rolled') {
    return { ...finding, message: `${tail.message}, behind the last batch of a rolled segment`, verdict: 'damaged' }
  }
  const recoveryPoint = partition?.recoveryPoint ?? 0
  if (place === 'newest' && tail.firstOffset < recoveryPoint) {
    const message = `${tail.message}, below the recovery point ${recoveryPoint}`
    return { ...finding, message, verdict: 'damaged', lastOffset: recoveryPoint - 1 }
  }
  const harmless = (verdict: Verdict, reason: string): Finding => {
    const { message, position, bytes } = tail
    return { path: logPath, message: `${message}: ${reason}`, verdict, position, bytes }
  }
  if (tail.kind === 'zeros') return harmless('clean', 'preallocated')
  const writer = place === 'newest' ? writerOf(context) : undefined
  if (writer !== undefined) return harmless('in flight', `in flight, ${writer} is writing`)
  if (await isWholeNow(logPath, fd, tail.position)) return harmless('in flight', 'in flight, it is whole now')
  return { ...finding, verdict: 'torn tail' }
}

/** The message, and what is lost. */
export function describeBadBytes(bad: BadBytes): Omit<Finding, 'path' | 'verdict'> {
  const { position, bytes, firstOffset, lastOffset } = bad
  const place = { message: bad.message, position, bytes }
  if (lastOffset < 0) return { ...place, firstOffset }
  return lastOffset < firstOffset ? place : { ...place, firstOffset, lastOffset }
}

async function isWholeNow(path: string, fd: number, position: number): Promise<boolean> {
  const size = fstatSync(fd).size
  await sleep(SECOND_LOOK_AFTER_MS)
  if (new BatchScanner(fd, path, position).next() === 'batch') return true
  // Still growing, or cut and written anew: somebody is at work.
  return fstatSync(fd).size !== size
}

/** Words for whoever may be writing into this segment right now. Opens the lock files for reading and makes none. */
function writerOf({ partition }: SegmentContext): string | undefined {
  if (partition?.directory === undefined) return undefined
  if (isLocked(join(partition.directory, directoryLockFile), 'shared', WHOLE)) return 'a broker'
  const lockPath = join(partition.folder, partitionLockFile)
  const isAtWork = isLocked(lockPath, 'exclusive', WRITE) || isLocked(lockPath, 'exclusive', WRITER_LIFE)
  return isAtWork ? 'another process' : undefined
}

function isLocked(path: string, mode: LockMode, range: { start: number; length: number }): boolean {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return false
  }
  try {
    return ofdHolderPid(fd, mode, range.start, range.length) !== undefined
  } finally {
    closeSync(fd)
  }
}
