import { expect, test } from 'vitest'
import { describeLockHolder, hasConflict } from '../../../src/log/file/lock-holder.ts'

// As Linux shows a file with two locks of ours, one of a broker and one that waits.
const fdinfo = `pos:\t0
flags:\t02100002
mnt_id:\t25
ino:\t1837
lock:\t1: OFDLCK  ADVISORY  WRITE -1 fe:01:1837 0 0
lock:\t2: OFDLCK  ADVISORY  READ -1 fe:01:1837 10 19
lock:\t3: POSIX  ADVISORY  WRITE 4711 fe:01:1837 30 EOF
lock:\t4: OFDLCK  ADVISORY  READ -1 fe:01:1837 100 EOF
`

test('a lock conflicts where ranges overlap and one side is exclusive', () => {
  expect(hasConflict(fdinfo, 1837n, 'shared', 0, 0)).toBe(true)
  expect(hasConflict(fdinfo, 1837n, 'exclusive', 1, 9)).toBe(false)
  expect(hasConflict(fdinfo, 1837n, 'exclusive', 9, 10)).toBe(true)
  expect(hasConflict(fdinfo, 1837n, 'exclusive', 19, 19)).toBe(true)
  expect(hasConflict(fdinfo, 1837n, 'shared', 10, 19)).toBe(false)
  expect(hasConflict(fdinfo, 1837n, 'exclusive', 20, 99)).toBe(false)
  expect(hasConflict(fdinfo, 1837n, 'exclusive', 2 ** 40, 2 ** 40)).toBe(true)
  expect(hasConflict(fdinfo, 1837n, 'shared', 0, Number.POSITIVE_INFINITY)).toBe(true)
})

test('locks of another file and files without locks do not conflict', () => {
  expect(hasConflict(fdinfo, 183n, 'exclusive', 0, Number.POSITIVE_INFINITY)).toBe(false)
  expect(hasConflict('pos:\t0\nflags:\t02\n', 1837n, 'exclusive', 0, 0)).toBe(false)
  expect(hasConflict('', 1837n, 'exclusive', 0, 0)).toBe(false)
})

test('the answer of the kernel is put in words', () => {
  expect(describeLockHolder(process.pid, 1n, 'shared', 0, 0)).toBe('this process')
  // Of process 1 others may at least know the name.
  expect(describeLockHolder(1, 1n, 'shared', 0, 0)).toMatch(/^process 1\b/)
  expect(describeLockHolder(0, 1n, 'shared', 0, 0)).toBe('a process outside this container')
  // An inode that nobody has a lock on: whoever holds it does not show us.
  expect(describeLockHolder(-1, 0n, 'exclusive', 0, 1)).toBe("another user's process")
})
