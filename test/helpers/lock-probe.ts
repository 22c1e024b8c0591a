import { existsSync } from 'node:fs'
import { LockFile, type LockRange } from '../../src/log/file/lock-file.ts'

/** Whether anybody holds a lock on this range, in this process or another; `exclusively`: one that keeps out sharers too. */
export function isHeld(path: string, range: LockRange, how: 'at all' | 'exclusively' = 'at all'): boolean {
  if (!existsSync(path)) return false
  const file = LockFile.open(path)
  try {
    return !file.tryLock(range, how === 'at all' ? 'exclusive' : 'shared')
  } finally {
    file.close()
  }
}
