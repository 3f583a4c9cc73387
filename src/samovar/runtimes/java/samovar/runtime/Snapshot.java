package samovar.runtime;

import java.lang.reflect.InvocationTargetException;

/**
 * The hooks that a function with SnapStart has registered (CRaC's; facts/lambda-api.md §12.7). No VM is snapshot here: each
 * initialises in full, and then its hooks run as if it had been, with the platform's word in between.
 */
final class Snapshot {
    private static final String PACKAGE = "com.amazonaws.services.lambda.crac";

    private Snapshot() {}

    static boolean wanted() {
        return "snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"));
    }

    /** So that org.crac, which a function brings, finds the hooks; before any class of the function is loaded. */
    static void announce() {
        if (System.getProperty("org.crac.Core.Compat") == null) System.setProperty("org.crac.Core.Compat", PACKAGE);
    }

    /** `hook`: beforeCheckpoint or afterRestore. Throws what its context does, which suppresses what hooks threw. */
    static void tell(ClassLoader loader, String hook) throws Exception {
        Class<?> context = loader.loadClass(PACKAGE + ".Context");
        Object global = loader.loadClass(PACKAGE + ".Core").getMethod("getGlobalContext").invoke(null);
        try {
            context.getMethod(hook, context).invoke(global, (Object) null);
        } catch (InvocationTargetException thrown) {
            if (thrown.getCause() instanceof Error) throw (Error) thrown.getCause();
            throw (Exception) thrown.getCause();
        }
    }
}
