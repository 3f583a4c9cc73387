package com.amazonaws.services.lambda.crac;

/** Resources that failed after a restore are its suppressed exceptions. */
public class RestoreException extends Exception {
    public RestoreException() {}

    public RestoreException(String message) {
        super(message);
    }
}
