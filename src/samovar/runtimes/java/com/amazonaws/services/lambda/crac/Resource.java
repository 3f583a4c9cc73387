package com.amazonaws.services.lambda.crac;

/** What wants to know of a snapshot (CRaC's interface; org.crac finds it by this package's name). */
public interface Resource {
    void beforeCheckpoint(Context<? extends Resource> context) throws Exception;

    void afterRestore(Context<? extends Resource> context) throws Exception;
}
