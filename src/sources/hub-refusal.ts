/** What the Hub's refusals mean: its headers say more than the status, and both are mapped in this one place. */
import { WeighlockError } from '../base/errors.ts';
import { type HubAnswer, header } from './hub-http.ts';
import { hintOf, PassingFailure } from './patience.ts';

export interface Asked {
  readonly model: string;
  readonly revision: string;
  readonly hasToken: boolean;
  readonly nowMs: number;
}

/** Characters of the Hub's own sentence that are passed on. */
const MESSAGE_MAX = 300;

/** The error of an answer that is neither success nor redirect. */
export function refusal(answer: HubAnswer, asked: Asked): WeighlockError | PassingFailure {
  const { status } = answer;
  const said = header(answer, 'x-error-message')?.slice(0, MESSAGE_MAX);
  if (status === 408 || status === 429 || status >= 500) {
    const waitMs = hintOf(answer.headers, asked.nowMs);
    const what = status === 429 ? 'limits our rate' : 'is failing';
    return new PassingFailure(`${answer.url.host} ${what} (status ${status})`, { waitMs });
  }
  switch (header(answer, 'x-error-code')) {
    case 'RepoNotFound':
      return notFound(answer, asked);
    case 'RevisionNotFound':
      return new WeighlockError(
        'WL_REVISION_NOT_FOUND',
        `${asked.model} has no revision "${asked.revision}"`,
      );
    case 'GatedRepo':
      return new WeighlockError('WL_MODEL_GATED', `${asked.model} is gated${said ? `: ${said}` : ''}`);
    case 'EntryNotFound':
      return new WeighlockError('WL_SOURCE_LIES', `${asked.model} lists a file that the source then denies`);
  }
  if (status === 403 && said === 'Access to this resource is disabled.')
    return new WeighlockError('WL_MODEL_NOT_FOUND', `${asked.model} was disabled by the Hub`, {
      hint: 'The Hub took this model down; see its page for the reason, and choose another.',
    });
  if (status === 404) return notFound(answer, asked);
  // The Hub hides what does not exist behind 401 from whoever has no token.
  if (status === 401 && !asked.hasToken) return notFound(answer, asked);
  if (status === 401 || (status === 403 && asked.hasToken))
    return new WeighlockError(
      'WL_TOKEN_REFUSED',
      `${answer.url.host} refused the token${said ? `: ${said}` : ''}`,
    );
  return new WeighlockError(
    'WL_SOURCE_UNAVAILABLE',
    `${answer.url.host} answered with status ${status}${said ? `: ${said}` : ''}`,
  );
}

function notFound(answer: HubAnswer, asked: Asked): WeighlockError {
  return new WeighlockError('WL_MODEL_NOT_FOUND', `${answer.url.host} knows no model ${asked.model}`);
}
