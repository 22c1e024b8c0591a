import { beforeEach, expect, test } from 'vitest'
import { loglady, runLoglady } from '../../helpers/run-loglady.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

let dir: string
beforeEach(async () => {
  dir = temporaryFolder()
  await loglady(['topics', 'create', 'events', '--partitions', '2', '--config', 'segment.ms=1000', '-q'], { dir })
})

const alter = (...args: string[]) => runLoglady(['topics', 'alter', 'events', ...args], { dir })

async function described() {
  const { partitions, config } = JSON.parse(await loglady(['topics', 'describe', 'events', '-J'], { dir }))
  const own = config.filter((entry: { source: string }) => entry.source === 'topic')
  return [partitions.length, Object.fromEntries(own.map(({ name, value }: Record<string, string>) => [name, value]))]
}

test('changes what is given and keeps the rest', async () => {
  const { exitCode, stderr } = await alter('--config', 'index.interval.bytes=8192', '--partitions', '3')
  expect({ exitCode, lines: stderr.trimEnd().split('\n') }).toEqual({
    exitCode: 0,
    lines: [
      'loglady topics alter: index.interval.bytes=8192: honoured here',
      'loglady topics alter: events has 3 partitions now; keys go to other partitions than before',
    ],
  })
  expect(await described()).toEqual([3, { 'segment.ms': '1000', 'index.interval.bytes': '8192' }])
})

test('--delete-config takes a configuration back to its default', async () => {
  expect((await alter('--delete-config', 'segment.ms', '-q')).exitCode).toBe(0)
  expect(await described()).toEqual([2, {}])
})

test('-J prints what was changed', async () => {
  const { stdout, stderr } = await alter('--config', 'segment.ms=5', '-J')
  expect(stderr).toBe('')
  expect(JSON.parse(stdout.toString())).toMatchObject({
    topic: 'events',
    partitions: 2,
    config: [{ name: 'segment.ms', value: '5', source: 'topic', honoured: true }],
  })
})

test.each([
  [['--partitions', '1'], /cannot become fewer/],
  [['--config', 'segment.mss=5'], /hint: did you mean segment\.ms\?/],
  [['--delete-config', 'segmentms'], /hint: did you mean segment\.ms\?/],
  [[], /nothing to change/],
])('%j is refused with exit 2 and changes nothing', async (args, message) => {
  const { exitCode, stderr } = await alter(...args)
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(message)
  expect(await described()).toEqual([2, { 'segment.ms': '1000' }])
})
