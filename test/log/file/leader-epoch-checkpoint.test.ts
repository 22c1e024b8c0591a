import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  formatLeaderEpochs,
  lastLeaderEpoch,
  leaderEpochFault,
  readLeaderEpochs,
} from '../../../src/log/file/leader-epoch-checkpoint.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

test('every golden leader epoch checkpoint reads, is in order, and is written back to the same bytes', () => {
  const paths = goldenFiles('leader-epoch-checkpoint')
  expect(paths.length).toBeGreaterThan(30)
  for (const path of paths) {
    const epochs = readLeaderEpochs(path)!
    expect(leaderEpochFault(epochs), goldenName(path)).toBeUndefined()
    expect(formatLeaderEpochs(epochs)).toBe(readFileSync(path, 'latin1'))
  }
})

test('three leaders wrote golden-0', () => {
  const epochs = readLeaderEpochs(join(fixtureFolder, 'golden-0/leader-epoch-checkpoint'))!
  expect(epochs).toEqual([
    { epoch: 0, startOffset: 0 },
    { epoch: 1, startOffset: 90 },
    { epoch: 2, startOffset: 118 },
  ])
  expect(lastLeaderEpoch(epochs)).toBe(2)
})

test('a file of 0 bytes has no entries, and a missing one is not the same', () => {
  const path = join(temporaryFolder(), 'leader-epoch-checkpoint')
  expect(readLeaderEpochs(path)).toBeUndefined()
  writeFileSync(path, '')
  expect(readLeaderEpochs(path)).toEqual([])
  expect(lastLeaderEpoch([])).toBe(0)
})

test.each(['0 0 0', '0', '0 -1', '-1 0', '2147483648 0', '0 9007199254740992', 'a b', ' 0 0', ''])(
  'a line %j makes the file unreadable',
  line => {
    const path = join(temporaryFolder(), 'leader-epoch-checkpoint')
    writeFileSync(path, `0\n1\n${line}\n`)
    expect(() => readLeaderEpochs(path)).toThrowError(
      expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', path, position: 4 }),
    )
  },
)

test('entries out of order are read and named, and the writer still finds the largest epoch', () => {
  const path = join(temporaryFolder(), 'leader-epoch-checkpoint')
  writeFileSync(path, '0\n3\n0 0\n5 90\n3 100\n')
  const epochs = readLeaderEpochs(path)!
  expect(lastLeaderEpoch(epochs)).toBe(5)
  expect(leaderEpochFault(epochs)).toBe('entry 2: the epoch 3 is not above 5, the one before')
  expect(leaderEpochFault([epochs[1]!, { epoch: 6, startOffset: 90 }])).toBe(
    'entry 1: the offset 90 is not above 90, the one before',
  )
})
