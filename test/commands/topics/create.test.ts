import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loglady, runLoglady } from '../../helpers/run-loglady.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

test('makes the directory, the partitions and the configuration, and says what each is good for', async () => {
  const cwd = temporaryFolder()
  const args = [
    'topics',
    'create',
    'events',
    '--partitions',
    '3',
    '--config',
    'segment.bytes=2097152',
    '--config=retention.ms=-1',
  ]
  const { exitCode, stdout, stderr } = await runLoglady(args, { cwd })
  expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: '' })
  expect(
    stderr
      .trimEnd()
      .split('\n')
      .map(line => line.replace('loglady topics create: ', '')),
  ).toEqual([
    'made the data directory ./loglady-data',
    'made topic events with 3 partitions',
    'retention.ms=-1: kept for a broker',
    'segment.bytes=2097152: honoured here',
  ])
  const folders = readdirSync(join(cwd, 'loglady-data')).filter(name => name.startsWith('events'))
  expect(folders.sort()).toEqual(['events-0', 'events-1', 'events-2'])
})

test('-J prints what was made', async () => {
  const dir = temporaryFolder()
  const made = JSON.parse(await loglady(['topics', 'create', 't', '-J', '--config', 'cleanup.policy=compact'], { dir }))
  expect(made).toEqual({
    topic: 't',
    id: expect.stringMatching(/^[\w-]{22}$/),
    partitions: 1,
    config: [{ name: 'cleanup.policy', value: 'compact', source: 'topic', honoured: true }],
  })
})

test.each([
  [['events'], /the topic events exists already/],
  [['a/b'], /a\/b/],
  [['..'], /\.\./],
  [['__offsets'], /__offsets/],
  [['x', '--config', 'segmnt.bytes=1'], /segmnt\.bytes/],
  [['x', '--config', 'segment.bytes=many'], /segment\.bytes/],
])('%j is refused with exit 2', async (args, message) => {
  const dir = temporaryFolder()
  await loglady(['topics', 'create', 'events', '-q'], { dir })
  const { exitCode, stderr } = await runLoglady(['topics', 'create', ...args], { dir })
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(message)
  expect(await loglady(['topics'], { dir })).toMatch(/^events\t.*\n$/)
})

test('a name that is refused does not make a data directory', async () => {
  const cwd = temporaryFolder()
  expect((await runLoglady(['topics', 'create', 'a b'], { cwd })).exitCode).toBe(2)
  expect(existsSync(join(cwd, 'loglady-data'))).toBe(false)
})
