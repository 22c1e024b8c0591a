import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { childEnvironment, nodeExecutable } from '../helpers/run-loglady.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const script = fileURLToPath(new URL('../../bench/run.ts', import.meta.url))

function run(args: string[], folder: string) {
  const env = childEnvironment({ TMPDIR: folder })
  return execa(nodeExecutable, [script, ...args], { extendEnv: false, env, reject: false })
}

test('npm run bench times each command beside its baseline, compares all output, and leaves nothing behind', async () => {
  const [folder, results] = [temporaryFolder(), temporaryFolder()]
  const path = join(results, 'bench.json')
  const { exitCode, stdout } = await run(['--lines', '2000', '--runs', '2', '--export-json', path], folder)
  expect(exitCode).toBe(0)
  const json = JSON.parse(readFileSync(path, 'utf8'))
  expect(json).toMatchObject({ lines: 2000, bytes: 200_000, machine: { cores: expect.any(Number) } })
  const names = ['append-pipe', 'append-file', 'read-file', 'read-pipe']
  expect(json.results.map(({ job, role }: Record<string, string>) => `${job} ${role}`)).toEqual(
    names.flatMap(name => [`${name} loglady`, `${name} baseline`]),
  )
  for (const { command, mean, median, user, system, min, max, times, exit_codes } of json.results) {
    expect(command).not.toContain(folder)
    for (const value of [mean, median, user, system, min, max]) expect(value).toBeGreaterThanOrEqual(0)
    expect(times.length).toBe(2)
    expect(exit_codes).toEqual([0, 0])
  }
  expect(json.results[0].ratio).toBeGreaterThan(0)
  expect(json.results[0].memory_usage_byte).toBeGreaterThan(10_000_000)
  for (const name of names) expect(stdout).toContain(`${name}: `)
  expect(readdirSync(folder)).toEqual([])
})

test('jobs are chosen by name or by the part in front of the dash', async () => {
  const folder = temporaryFolder()
  const { stdout } = await run(['--lines', '100', '--runs', '1', 'read'], folder)
  expect(stdout).toContain('read-file: ')
  expect(stdout).toContain('read-pipe: ')
  expect(stdout).not.toContain('append-')
  const unknown = await run(['--lines', '100', 'raed'], folder)
  expect(unknown.exitCode).toBe(1)
  expect(unknown.stderr).toContain('no job raed')
  expect(readdirSync(folder)).toEqual([])
})
