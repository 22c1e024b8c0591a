import { readdirSync, readFileSync } from 'node:fs'
import type { LockMode } from './posix.ts'

/** How many processes are named at most; the shared locks of many writers may be in the way of one exclusive. */
const namedAtMost = 3

/**
 * Words for whoever holds a lock that conflicts, for a note to a person; searching takes some ms on a busy machine.
 *
 * `pid` is the kernel's answer (`ofdHolderPid`). It knows the process behind a POSIX lock, a broker's; of locks like ours it
 * tells -1, as they belong to an open file. Those appear in `/proc/<pid>/fdinfo/<fd>` of whoever has that file open, which
 * processes of other users do not show:
 *
 * ```
 * lock:  1: OFDLCK  ADVISORY  WRITE -1 fe:01:1837 0 0        device, inode, first byte, last byte or EOF
 * ```
 */
export function describeLockHolder(pid: number, inode: bigint, mode: LockMode, start: number, length: number): string {
  if (pid > 0) return nameOf(pid)
  if (pid === 0) return 'a process outside this container'
  const pids = holdersAmongProcesses(inode, mode, start, length === 0 ? Number.POSITIVE_INFINITY : start + length - 1)
  if (pids.length === 0) return "another user's process"
  const named = pids.slice(0, namedAtMost).map(nameOf).join(', ')
  return pids.length > namedAtMost ? `${named} and ${pids.length - namedAtMost} more` : named
}

function nameOf(pid: number): string {
  if (pid === process.pid) return 'this process'
  const command = readOrNothing(`/proc/${pid}/comm`).trim()
  return command === '' ? `process ${pid}` : `process ${pid} (${command})`
}

function holdersAmongProcesses(inode: bigint, mode: LockMode, first: number, last: number): number[] {
  return listOrNothing('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid =>
      listOrNothing(`/proc/${pid}/fdinfo`).some(fd =>
        hasConflict(readOrNothing(`/proc/${pid}/fdinfo/${fd}`), inode, mode, first, last),
      ),
    )
    .map(Number)
}

const lockLine = /^lock:\s*\d+: OFDLCK\s+\w+\s+(READ|WRITE)\s+-?\d+ [0-9a-f]+:[0-9a-f]+:(\d+) (\d+) (\d+|EOF)$/gm

/** Exported for its test. */
export function hasConflict(fdinfo: string, inode: bigint, mode: LockMode, first: number, last: number): boolean {
  for (const [, kind, ofInode, from, to] of fdinfo.matchAll(lockLine)) {
    const overlaps = Number(from) <= last && (to === 'EOF' || Number(to) >= first)
    if (overlaps && BigInt(ofInode!) === inode && (mode === 'exclusive' || kind === 'WRITE')) return true
  }
  return false
}

// Processes come and go during the search, and other users' are closed to us.
function listOrNothing(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
