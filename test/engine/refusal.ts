import { AwsError } from "../../local/services/service.ts";

/** The AWS error that the operation answers with. */
export async function refusal(run: () => unknown): Promise<{ name: string; message: string; statusCode: number }> {
  try {
    await run();
  } catch (error) {
    if (error instanceof AwsError) return { name: error.name, message: error.message, statusCode: error.statusCode };
    throw error;
  }
  throw new Error("it was not refused");
}
