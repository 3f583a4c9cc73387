package com.amazonaws.services.lambda.runtime;

import java.util.Map;

/** Declared as in AWS's aws-lambda-java-core, for functions that expect the runtime to bring it. */
public interface ClientContext {
    Client getClient();
    Map<String, String> getCustom();
    Map<String, String> getEnvironment();
}
