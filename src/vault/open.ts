/** Opens the vault, or the staging area, that a ticket names, in whatever thread. */
import { DirectoryVault } from './directory.ts';
import { openDirectoryDoor } from './directory-staging.ts';
import { S3Vault } from './s3.ts';
import { S3Door } from './s3-door.ts';
import { S3Store } from './s3-store.ts';
import type { StagingDoor, StagingTicket, Vault, VaultTicket } from './vault.ts';

/** Contacts nothing yet. */
export function openVault(ticket: VaultTicket): Vault {
  switch (ticket.kind) {
    case 'directory':
      return new DirectoryVault(ticket.path);
    case 's3':
      return new S3Vault(ticket.settings);
  }
}

/** `memoryBytes`: what one file under way may hold in memory where it is gathered before it is written. */
export function openStagingDoor(ticket: StagingTicket, memoryBytes: number): StagingDoor {
  switch (ticket.kind) {
    case 'directory':
      return openDirectoryDoor(ticket.path);
    case 's3': {
      const { settings, area, revision } = ticket;
      return new S3Door({ store: new S3Store(settings), area, revision, memoryBytes });
    }
  }
}
