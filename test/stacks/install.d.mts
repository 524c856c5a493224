/** Installs the platform of the SST that is installed, unless it is there. Throws with npm's or SST's own words. */
export function ensurePlatform(): void;
