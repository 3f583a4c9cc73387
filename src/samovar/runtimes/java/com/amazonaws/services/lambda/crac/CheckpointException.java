package com.amazonaws.services.lambda.crac;

/** Resources that failed before a snapshot are its suppressed exceptions. */
public class CheckpointException extends Exception {
    public CheckpointException() {}

    public CheckpointException(String message) {
        super(message);
    }
}
