import { readFileSync, realpathSync, statfsSync } from 'node:fs'
import { cpus, release, type } from 'node:os'

/** Without these a figure says little. */
export interface MachineFacts {
  cpu: string
  cores: number
  fileSystem: string
  system: string
  node: string
}

/** Of this machine, and of the file system that holds `path`. */
export function machineFacts(path: string): MachineFacts {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() || 'unknown CPU',
    cores: processors.length,
    fileSystem: fileSystemOf(path),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}

export function formatMachine({ cpu, cores, fileSystem, system, node }: MachineFacts): string {
  return `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${fileSystem}, ${system}, Node ${node}`
}

/** Where syncs cost nothing, and so mean nothing. */
export function isInMemory(facts: MachineFacts): boolean {
  return facts.fileSystem === 'tmpfs' || facts.fileSystem === 'ramfs'
}

function fileSystemOf(path: string): string {
  try {
    return fileSystemInMounts(readFileSync('/proc/self/mountinfo', 'utf8'), realpathSync(path)) ?? typeNumber(path)
  } catch {
    return typeNumber(path)
  }
}

function typeNumber(path: string): string {
  return `file system of type 0x${statfsSync(path).type.toString(16)}`
}

/**
 * A line of /proc/self/mountinfo: `36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/vda rw`, with any number
 * of fields before the dash. The last of the longest mount points above `path` is the one that counts.
 */
export function fileSystemInMounts(mounts: string, path: string): string | undefined {
  let longest = -1
  let found: string | undefined
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ')
    const mountPoint = before
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
    if (mountPoint === undefined || mountPoint.length < longest || !isBelow(path, mountPoint)) continue
    longest = mountPoint.length
    found = after.split(' ')[0]
  }
  return found
}

function isBelow(path: string, mountPoint: string): boolean {
  return mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`)
}
