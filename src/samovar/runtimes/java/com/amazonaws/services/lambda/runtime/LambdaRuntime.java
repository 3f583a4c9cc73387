package com.amazonaws.services.lambda.runtime;

/** Declared as in AWS's aws-lambda-java-core, for functions that expect the runtime to bring it. */
public final class LambdaRuntime {
    /** Put here by the runtime. */
    private static volatile LambdaLogger logger;

    private LambdaRuntime() {}

    public static LambdaLogger getLogger() {
        return logger;
    }
}
