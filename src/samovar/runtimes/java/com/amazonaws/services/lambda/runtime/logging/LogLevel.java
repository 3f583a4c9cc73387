package com.amazonaws.services.lambda.runtime.logging;

/** Declared as in AWS's aws-lambda-java-core, for functions that expect the runtime to bring it. */
public enum LogLevel {
    UNDEFINED,
    TRACE,
    DEBUG,
    INFO,
    WARN,
    ERROR,
    FATAL
}
