import { Component, type ComponentChildren } from "preact";

export interface BoundaryProps {
  /** What is said in place of what could not be drawn. */
  readonly says: string;
  readonly children: ComponentChildren;
}

/** Keeps the page where a part of it cannot be drawn: a file may be anybody's. */
export class Boundary extends Component<BoundaryProps, { readonly failed: boolean }> {
  override state = { failed: false };

  static override getDerivedStateFromError(): { readonly failed: boolean } {
    return { failed: true };
  }

  override render({ says, children }: BoundaryProps) {
    return this.state.failed ? (
      <p class="panel problem" role="alert">
        {says}
      </p>
    ) : (
      children
    );
  }
}
