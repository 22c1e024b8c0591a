/**
 * `npm run build`: compiles src to dist, and writes oclif.manifest.json, with which the executable need not import every
 * command to find one. (Oclif's own `oclif manifest` does that too, but comes with some 200 packages.)
 *
 * tsc empties each file and fills it again, so a loglady that starts meanwhile would import half of one. Therefore it
 * compiles into a folder of its own, and what has changed is moved over, file by file. What has lost its source is removed:
 * a deleted command would live on in dist otherwise.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const manifest = join(root, 'oclif.manifest.json')
// Below node_modules because it is on the same file system, and ignored by every tool.
const compiled = join(root, 'node_modules', '.cache', `loglady-build-${process.pid}`)

// `npx loglady` in a checkout links the package and runs its prepare script, at a moment when a command is wanted, not a build.
const isForNpx = process.env.npm_command === 'exec' && process.env.npm_lifecycle_event === 'prepare'
if (!isForNpx || !existsSync(manifest)) await build()

async function build(): Promise<void> {
  try {
    const tsc = join(root, 'node_modules', '.bin', 'tsc')
    const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', compiled]
    const { status } = spawnSync(tsc, options, { stdio: 'inherit' })
    moveChanged()
    removeLeftovers()
    const hasManifest = await writeManifest()
    process.exitCode = status === 0 && hasManifest ? 0 : 1
  } finally {
    rmSync(compiled, { recursive: true, force: true })
  }
}

function moveChanged(): void {
  for (const name of filesBelow(compiled)) {
    const [from, to] = [join(compiled, name), join(dist, name)]
    if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) continue
    mkdirSync(dirname(to), { recursive: true })
    renameSync(from, to)
  }
}

function removeLeftovers(): void {
  for (const name of filesBelow(dist)) {
    const source = join(root, 'src', name.replace(/\.d\.ts$|\.js$/, '.ts'))
    if (!existsSync(source)) rmSync(join(dist, name), { force: true })
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

/** False if a command could not be imported. Oclif leaves it out then, and only warns. */
async function writeManifest(): Promise<boolean> {
  const { Plugin } = await import('@oclif/core/config')
  const { settings } = await import('@oclif/core/settings')
  settings.enableAutoTranspile = false
  let failures = 0
  process.on('warning', () => failures++)
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const plugin = new Plugin({ root, pjson, isRoot: true, ignoreManifest: true })
  await plugin.load()
  const commands = Object.fromEntries(Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1)))
  const temporary = join(compiled, 'oclif.manifest.json')
  writeFileSync(temporary, `${JSON.stringify({ ...plugin.manifest, commands })}\n`)
  renameSync(temporary, manifest)
  // Warnings are events of a later turn.
  await new Promise(resolve => setImmediate(resolve))
  return failures === 0
}
