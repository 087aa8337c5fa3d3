/** Opens the source that a ticket names, in whatever thread. */
import { DirectorySource } from './directory.ts';
import { HubSource } from './hub.ts';
import type { Source, SourceTicket } from './source.ts';

/** Contacts nothing yet. Throws WL_CONFIG_INVALID for an endpoint that is no URL. */
export function openSource(ticket: SourceTicket): Source {
  switch (ticket.kind) {
    case 'hub':
      return new HubSource(ticket);
    case 'directory':
      return new DirectorySource(ticket);
  }
}
