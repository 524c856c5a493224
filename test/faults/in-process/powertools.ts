/**
 * Takes the place of Powertools' Logger and Metrics in functions that run in this process: those keep a context for each promise, which
 * is most of what a rotation would take. What is logged is printed as JSON all the same.
 */
export class Logger {
  info(message: string, fields: object): void {
    console.log(JSON.stringify({ level: "INFO", message, ...fields }));
  }

  warn(message: string, fields: object): void {
    console.log(JSON.stringify({ level: "WARN", message, ...fields }));
  }

  error(message: string, fields: object): void {
    console.log(JSON.stringify({ level: "ERROR", message, ...fields }));
  }
}

export const MetricUnit = new Proxy({}, { get: (_none, name) => name });

export class Metrics {
  clearDefaultDimensions(): void {}
  addDimension(): void {}
  addDimensions(): void {}
  addMetric(): void {}
  addMetadata(): void {}
  publishStoredMetrics(): void {}
  singleMetric(): Metrics {
    return this;
  }
}
