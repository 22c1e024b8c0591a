import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { allLogFiles, expectedOffsets, expectedRecords, fixtureFolder, goldenCases, goldenFolders } from './golden.ts'
import { temporaryFolder } from './temporary-folder.ts'

const names = (folders: string[]) => goldenCases(folders).map(({ name }) => name)

test('finds every case of the fixtures with what was read from it', () => {
  const cases = goldenCases([fixtureFolder])
  expect(cases.length).toBeGreaterThanOrEqual(8)
  for (const golden of cases) {
    const records = expectedOffsets(golden).reduce((sum, partition) => sum + partition.records, 0)
    expect(expectedRecords(golden), golden.name).toHaveLength(records)
  }
})

test('takes a case of another folder too, the same one only once, another one of the same name beside it', () => {
  const folder = temporaryFolder()
  const groups = join(fixtureFolder, 'broker/groups')
  cpSync(groups, join(folder, 'broker/groups'), { recursive: true })
  cpSync(groups, join(folder, 'new-case'), { recursive: true })
  expect(names([fixtureFolder, folder])).toEqual([...names([fixtureFolder]), 'new-case'])
  writeFileSync(join(folder, 'broker/groups/offsets.json'), '[]')
  expect(names([fixtureFolder, folder])).toEqual([...names([fixtureFolder]), 'new-case', join(folder, 'broker/groups')])
})

test('goes by LOGLADY_GOLDEN and passes over folders that are not there', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'empty'))
  const before = process.env.LOGLADY_GOLDEN
  process.env.LOGLADY_GOLDEN = `${folder}:${join(folder, 'missing')}`
  try {
    expect(goldenFolders()).toEqual([fixtureFolder, folder, join(folder, 'missing')])
    expect(names(goldenFolders())).toEqual(names([fixtureFolder]))
    expect(allLogFiles()).toEqual(allLogFiles([fixtureFolder]))
  } finally {
    if (before === undefined) delete process.env.LOGLADY_GOLDEN
    else process.env.LOGLADY_GOLDEN = before
  }
})
