package com.amazonaws.services.lambda.runtime;

/** Declared as in AWS's aws-lambda-java-core, for functions that expect the runtime to bring it. */
public interface Client {
    String getInstallationId();
    String getAppTitle();
    String getAppVersionName();
    String getAppVersionCode();
    String getAppPackageName();
}
