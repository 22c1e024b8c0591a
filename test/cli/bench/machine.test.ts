import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { fileSystemInMounts, formatMachine, isInMemory, machineFacts } from '../../../src/cli/bench/machine.ts'

const mounts = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /dev/shm rw,nosuid - tmpfs tmpfs rw
24 22 0:30 / /mnt/my\\040disk rw master:3 propagate_from:2 - xfs /dev/vdb rw
25 22 0:31 / /mnt rw - btrfs /dev/vdc rw
26 22 0:32 / /mnt rw - zfs pool rw
`

test.each([
  ['/tmp/x', 'ext4'],
  ['/', 'ext4'],
  ['/dev/shm', 'tmpfs'],
  ['/dev/shm/a/b', 'tmpfs'],
  ['/dev/shmooze', 'ext4'],
  ['/mnt/my disk/log', 'xfs'],
  ['/mnt/other', 'zfs'],
])('%s lies on %s', (path, expected) => {
  expect(fileSystemInMounts(mounts, path)).toBe(expected)
})

test('without any mount nothing is known', () => {
  expect(fileSystemInMounts('', '/tmp')).toBeUndefined()
})

test('the facts of this machine are in one line', () => {
  const facts = machineFacts(tmpdir())
  expect(facts.fileSystem).not.toBe('')
  expect(formatMachine(facts)).toMatch(/^.+, \d+ cores?, .+, .+ .+, Node v\d+\.\d+/)
  expect(isInMemory({ ...facts, fileSystem: 'tmpfs' })).toBe(true)
  expect(isInMemory({ ...facts, fileSystem: 'ext4' })).toBe(false)
})
