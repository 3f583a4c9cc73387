package samovar.runtime;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;

/**
 * What a function sees of its invocation, as AWS's interfaces: Context and those below it. The interfaces come from the
 * function's own class path, so that the objects are made for them at run time.
 */
final class Views {
    private static final String PACKAGE = "com.amazonaws.services.lambda.runtime.";

    private final ClassLoader loader;
    private final Log log;
    private final Map<String, Object> constants = new HashMap<>();
    private Object logger;

    Views(ClassLoader loader, Log log) {
        this.loader = loader;
        this.log = log;
        constants.put("getLogGroupName", System.getenv("AWS_LAMBDA_LOG_GROUP_NAME"));
        constants.put("getLogStreamName", System.getenv("AWS_LAMBDA_LOG_STREAM_NAME"));
        constants.put("getFunctionName", System.getenv("AWS_LAMBDA_FUNCTION_NAME"));
        constants.put("getFunctionVersion", System.getenv("AWS_LAMBDA_FUNCTION_VERSION"));
        constants.put("getMemoryLimitInMB", Integer.valueOf(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")));
    }

    /** One of AWS's types as the function has it; null when it has none. */
    Class<?> type(String name) {
        try {
            return Class.forName(PACKAGE + name, false, loader);
        } catch (ClassNotFoundException | NoClassDefFoundError absent) {
            return null;
        }
    }

    /** Make LambdaRuntime.getLogger() ours, where the function has that class. */
    void shareLogger() {
        Class<?> holder = type("LambdaRuntime");
        if (holder == null) return;
        try {
            Field field = holder.getDeclaredField("logger");
            field.setAccessible(true);
            field.set(null, logger());
        } catch (ReflectiveOperationException | LinkageError other) {
            // Another version of that class: it prints by itself.
        }
    }

    Object context(Api.Invocation invocation) {
        Map<String, Object> values = new HashMap<>(constants);
        values.put("getAwsRequestId", invocation.id);
        values.put("getInvokedFunctionArn", invocation.arn);
        values.put("getTenantId", invocation.tenant);
        values.put("getXrayTraceId", invocation.trace);
        values.put("getLogger", logger());
        values.put("getClientContext", clientContext(invocation.clientContext));
        values.put("getIdentity", identity(invocation.identity));
        return view("Context", (proxy, method, args) -> {
            if (method.getName().equals("getRemainingTimeInMillis")) {
                return (int) Math.max(0, invocation.deadlineMs - System.currentTimeMillis());
            }
            return plain(proxy, method.getName(), args, values);
        });
    }

    private Object logger() {
        if (logger == null) {
            logger = view("LambdaLogger", (proxy, method, args) -> {
                if (!method.getName().equals("log")) return plain(proxy, method.getName(), args, Collections.emptyMap());
                boolean text = args[0] instanceof String || args[0] == null;
                if (args.length == 1 && !text) log.log((byte[]) args[0]);
                else log.log(text ? String.valueOf(args[0]) : utf8(args[0]), args.length > 1 ? String.valueOf(args[1]) : "UNDEFINED");
                return null;
            });
        }
        return logger;
    }

    private static String utf8(Object bytes) {
        return new String((byte[]) bytes, StandardCharsets.UTF_8);
    }

    private Object clientContext(String text) {
        if (text == null || text.isEmpty()) return null;
        Map<?, ?> given = (Map<?, ?>) Json.read(text);
        Map<String, Object> client = new HashMap<>();
        Map<?, ?> told = given.get("client") instanceof Map ? (Map<?, ?>) given.get("client") : Collections.emptyMap();
        client.put("getInstallationId", told.get("installation_id"));
        client.put("getAppTitle", told.get("app_title"));
        client.put("getAppVersionName", told.get("app_version_name"));
        client.put("getAppVersionCode", told.get("app_version_code"));
        client.put("getAppPackageName", told.get("app_package_name"));
        Map<String, Object> values = new HashMap<>();
        values.put("getClient", given.get("client") == null ? null : of("Client", client));
        values.put("getCustom", given.get("custom"));
        values.put("getEnvironment", given.get("env"));
        return of("ClientContext", values);
    }

    private Object identity(String text) {
        Map<?, ?> given = text == null || text.isEmpty() ? Collections.emptyMap() : (Map<?, ?>) Json.read(text);
        Map<String, Object> values = new HashMap<>();
        values.put("getIdentityId", String.valueOf(given.containsKey("cognitoIdentityId") ? given.get("cognitoIdentityId") : ""));
        values.put("getIdentityPoolId", String.valueOf(given.containsKey("cognitoIdentityPoolId") ? given.get("cognitoIdentityPoolId") : ""));
        return of("CognitoIdentity", values);
    }

    private Object of(String name, Map<String, Object> values) {
        return view(name, (proxy, method, args) -> plain(proxy, method.getName(), args, values));
    }

    private Object view(String name, InvocationHandler handler) {
        Class<?> type = type(name);
        return type == null ? null : Proxy.newProxyInstance(loader, new Class<?>[] {type}, handler);
    }

    private static Object plain(Object proxy, String method, Object[] args, Map<String, Object> values) {
        switch (method) {
            case "toString": return "Lambda" + proxy.getClass().getInterfaces()[0].getSimpleName();
            case "hashCode": return System.identityHashCode(proxy);
            case "equals": return proxy == args[0];
            default: return values.get(method);
        }
    }
}
