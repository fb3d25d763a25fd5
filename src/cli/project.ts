import { Project } from '../../gen/deed/v1/project.ts'
import { ProjectServiceService as Service } from '../../gen/deed/v1/project_service.ts'
import type { CommandContext } from './command.ts'
import { Failure, misuse } from './failure.ts'
import { age } from './format.ts'
import { jsonLine } from './json-line.ts'
import { resourceName } from './names.ts'
import { type Output, printTable } from './output.ts'
import { ownJson } from './own-json.ts'
import { pages } from './pages.ts'

/** `maxRunning`: `none` takes the limit away. */
export type ProjectSettings = { weight: number | undefined; maxRunning: number | 'none' | undefined }

/** `deed project list`: those that the key may see. */
export async function listProjects({ connection, output }: CommandContext): Promise<void> {
  const projects = pages(async (pageSize, pageToken) => {
    const { response } = await connection.call(Service.listProjects, { pageSize, pageToken })
    return { items: response.projects, nextPageToken: response.nextPageToken }
  })
  print(output, await Array.fromAsync(projects))
}

/** `deed project get` */
export async function getProject({ connection, output }: CommandContext, id: string): Promise<void> {
  const { response } = await connection.call(Service.getProject, { name: resourceName('projects', id) })
  print(output, [given(response.project)])
}

/** `deed project set` */
export async function setProject(
  { connection, output }: CommandContext,
  id: string,
  { weight, maxRunning }: ProjectSettings,
): Promise<void> {
  if (weight === undefined && maxRunning === undefined) {
    throw misuse('there is nothing to set', 'give --weight, --max-running, or both')
  }
  const limit = maxRunning === 'none' ? undefined : maxRunning
  // A weight of 0 cannot be set; without one in the mask it says nothing.
  const project = Project.fromPartial({ name: resourceName('projects', id), weight: weight ?? 1 })
  const updateMask = [...(weight === undefined ? [] : ['weight']), ...(maxRunning === undefined ? [] : ['max_running'])]
  const request = { project: { ...project, maxRunning: limit }, updateMask }
  const { response } = await connection.call(Service.updateProject, request)
  print(output, [given(response.project)])
}

function given(project: Project | undefined): Project {
  if (project) return project
  throw new Failure('the server did not show the project')
}

function print(output: Output, projects: readonly Project[]): void {
  if (output.json) {
    for (const project of projects) output.print(jsonLine(ownJson('deed.v1.Project', Project, project)))
    return
  }
  printTable(output, projects, [
    { title: 'PROJECT', cell: ({ name }) => name.replace('projects/', '') },
    { title: 'WEIGHT', align: 'right', cell: ({ weight }) => String(weight) },
    { title: 'MAX RUNNING', align: 'right', cell: ({ maxRunning }) => String(maxRunning ?? 'none') },
    { title: 'AGE', spare: true, cell: ({ createTime }) => age(createTime) },
  ])
}
