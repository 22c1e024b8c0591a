/**
 * After tsc: removes what earlier builds left in dist (a deleted command would live on there), and writes
 * oclif.manifest.json, with which the executable need not import every command to find one.
 *
 * Oclif's own `oclif manifest` does the latter too, but is a package of some 200 dependencies.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Plugin } from '@oclif/core/config'
import { settings } from '@oclif/core/settings'

const root = fileURLToPath(new URL('..', import.meta.url))

removeLeftovers(join(root, 'dist'), join(root, 'src'))
await writeManifest()

function removeLeftovers(dist: string, src: string): void {
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const built = join(entry.parentPath, entry.name)
    const source = join(src, built.slice(dist.length)).replace(/\.d\.ts$|\.js$/, '.ts')
    if (!existsSync(source)) rmSync(built)
  }
}

async function writeManifest(): Promise<void> {
  settings.enableAutoTranspile = false
  const failures: string[] = []
  // Oclif leaves out a command that can't be imported, and says so in a warning only.
  process.on('warning', warning =>
    failures.push(`${warning.message}\n${(warning as { detail?: string }).detail ?? ''}`),
  )
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const plugin = new Plugin({ root, pjson, isRoot: true, ignoreManifest: true })
  await plugin.load()
  const path = join(root, 'oclif.manifest.json')
  const commands = Object.fromEntries(Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(`${path}.tmp`, `${JSON.stringify({ ...plugin.manifest, commands })}\n`)
  renameSync(`${path}.tmp`, path)
  await new Promise(resolve => setImmediate(resolve))
  if (failures.length > 0) process.exitCode = 1
}
