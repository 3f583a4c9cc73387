package com.amazonaws.services.lambda.runtime;

import com.amazonaws.services.lambda.runtime.logging.LogLevel;

/** Declared as in AWS's aws-lambda-java-core, for functions that expect the runtime to bring it. */
public interface LambdaLogger {
    void log(String message);
    void log(byte[] message);

    default void log(String message, LogLevel level) {
        log(message);
    }

    default void log(byte[] message, LogLevel level) {
        log(message);
    }
}
