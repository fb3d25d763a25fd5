import { status } from '@grpc/grpc-js'
import type { Project } from '../../gen/deed/v1/project.ts'
import {
  GetProjectRequest,
  GetProjectResponse,
  ListProjectsRequest,
  ListProjectsResponse,
  UpdateProjectRequest,
  UpdateProjectResponse,
} from '../../gen/deed/v1/project_service.ts'
import type { Principal } from '../access/principal.ts'
import { DeedError } from '../errors/deed-error.ts'
import { findProject, type ProjectChange, type ProjectRow, updateProject } from '../storage/statements/projects.ts'
import type { Queryable } from '../storage/statements/statement.ts'
import { requestInvalid } from './operation-names.ts'
import { ownMethod } from './own-methods.ts'
import { afterToken } from './page.ts'

/** No token is ever given: a principal has one project. */
const noToken = /^(?!)/

/** deed.v1.ProjectService. A principal sees its own project alone. */
export function projectService(db: Queryable) {
  async function own({ projectId }: Principal, name?: string): Promise<ProjectRow> {
    const row = await findProject(db, projectId)
    if (row && (name === undefined || name === `projects/${row.name}`)) return row
    throw projectNotFound(name ?? projectId)
  }

  return {
    GetProject: ownMethod(GetProjectRequest, GetProjectResponse, async ({ name }, { principal }) => ({
      project: toProject(await own(principal, name)),
    })),

    ListProjects: ownMethod(ListProjectsRequest, ListProjectsResponse, async ({ pageToken }, { principal }) => {
      afterToken(pageToken, noToken)
      return { projects: [toProject(await own(principal))], nextPageToken: '' }
    }),

    UpdateProject: ownMethod(UpdateProjectRequest, UpdateProjectResponse, async (request, { principal }) => {
      const { project, updateMask = [] } = request
      if (!project) throw new Error('a request without a project passed validation')
      const { id } = await own(principal, project.name)
      const row = await updateProject(db, id, changeOf(project, updateMask))
      if (!row) throw projectNotFound(project.name)
      return { project: toProject(row) }
    }),
  }
}

function changeOf(project: Project, mask: readonly string[]): ProjectChange {
  const { weight, maxRunning } = project
  const unknown = mask.filter((path) => !settable.has(path))
  if (unknown.length > 0) {
    const description = `has ${JSON.stringify(unknown[0])}; weight and max_running can be set`
    throw requestInvalid({ field: 'update_mask', description })
  }
  const set = (path: string, isSet: boolean) => (mask.length === 0 ? isSet : mask.includes(path) || mask.includes('*'))
  const change: ProjectChange = {
    ...(set('weight', weight !== 0) && { weight }),
    ...(set('max_running', maxRunning !== undefined) && { maxRunning: maxRunning ?? null }),
  }
  if (change.weight === 0) throw requestInvalid({ field: 'project.weight', description: 'must be from 0.001 to 1000' })
  if (Object.keys(change).length > 0) return change
  throw requestInvalid({ field: 'update_mask', description: 'is empty, and so are weight and max_running' })
}

const settable: ReadonlySet<string> = new Set(['weight', 'max_running', '*'])

function toProject({ name, weight, maxRunning, createdMs }: ProjectRow): Project {
  return { name: `projects/${name}`, weight, maxRunning: maxRunning ?? undefined, createTime: new Date(createdMs) }
}

function projectNotFound(name: string): DeedError {
  return new DeedError(status.NOT_FOUND, 'PROJECT_NOT_FOUND', `there is no ${name} that this key may see`, {
    metadata: { name },
  })
}
