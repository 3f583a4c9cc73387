using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using System.Threading.Tasks;

namespace Samovar.Runtime
{
    /// <summary>A method of a class library, found by Assembly::Namespace.Type::Method: what it gets and returns is
    /// bytes, or what the serializer that its assembly or itself names (LambdaSerializer) makes of them.</summary>
    internal sealed class Handler
    {
        private const string Context = "Amazon.Lambda.Core.ILambdaContext";
        private const string Attribute = "Amazon.Lambda.Core.LambdaSerializerAttribute";
        private const string Serializer = "Amazon.Lambda.Core.ILambdaSerializer";
        private const BindingFlags Any =
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
            | BindingFlags.FlattenHierarchy;

        private readonly MethodInfo method;
        private readonly object target;
        private readonly ParameterInfo input;
        private readonly Views views;
        private readonly object serializer;
        private readonly MethodInfo read, write;
        private readonly Type result;

        private Handler(MethodInfo method, Log log)
        {
            this.method = method;
            ParameterInfo[] parameters = method.GetParameters();
            ParameterInfo context = parameters.LastOrDefault(each => each.ParameterType.FullName == Context);
            input = parameters.FirstOrDefault(each => each != context);
            if (parameters.Length > 2 || (parameters.Length == 2 && context != parameters[1]))
            {
                throw new LambdaValidationException("The method " + Named(method) + " should have an input, an "
                    + "ILambdaContext, both in this order, or neither");
            }
            views = context == null ? null : new Views(context.ParameterType, log);
            result = Returned(method);
            Type chosen = Chosen(method);
            if (NeedsSerializer(input == null ? null : input.ParameterType) || NeedsSerializer(result))
            {
                if (chosen == null)
                {
                    throw new LambdaValidationException("The method " + Named(method) + " takes or returns something else "
                        + "than a Stream, and neither it nor its assembly has a LambdaSerializer attribute");
                }
                Type contract = chosen.GetInterfaces().FirstOrDefault(each => each.FullName == Serializer);
                if (contract == null)
                {
                    throw new LambdaValidationException(chosen.FullName + " is no ILambdaSerializer");
                }
                serializer = Made(chosen);
                if (NeedsSerializer(input == null ? null : input.ParameterType))
                {
                    read = contract.GetMethod("Deserialize").MakeGenericMethod(input.ParameterType);
                }
                if (NeedsSerializer(result)) write = contract.GetMethod("Serialize").MakeGenericMethod(result);
            }
            RuntimeHelpers.RunClassConstructor(method.DeclaringType.TypeHandle);
            target = method.IsStatic ? null : Made(method.ReflectedType);
        }

        internal static Handler Find(string text, string task, Log log)
        {
            string[] parts = text.Split(new[] { "::" }, StringSplitOptions.None);
            if (parts.Length != 3 || parts.Any(part => part.Length == 0))
            {
                throw new LambdaValidationException("Invalid lambda function handler: '" + text + "'. The valid format is "
                    + "'ASSEMBLY::TYPE::METHOD'.");
            }
            string file = Path.Combine(task, parts[0] + ".dll");
            if (!File.Exists(file))
            {
                throw new LambdaValidationException("Could not find the specified handler assembly with the file name '"
                    + parts[0] + "'. The assembly should be located in the root of your uploaded .zip file.");
            }
            ResolveFrom(file, task);
            Assembly assembly = AssemblyLoadContext.Default.LoadFromAssemblyPath(file);
            Type type = assembly.GetType(parts[1]);
            if (type == null || type.IsGenericTypeDefinition)
            {
                throw new LambdaValidationException("Unable to load type '" + parts[1] + "' from assembly '" + parts[0]
                    + "'.");
            }
            return new Handler(Method(type, parts[2], parts[0]), log);
        }

        private static MethodInfo Method(Type type, string name, string assembly)
        {
            MethodInfo[] named = type.GetMethods(Any).Where(each => each.Name == name || each.ToString() == name).ToArray();
            if (named.Length == 1 && !named[0].IsGenericMethodDefinition) return named[0];
            string problem = named.Length == 0 ? "Unable to find method '" + name + "' in type"
                : named.Length > 1 ? "There is more than one method '" + name + "' in type"
                : "The method '" + name + "' is generic in type";
            throw new LambdaValidationException(problem + " '" + type.FullName + "' from assembly '" + assembly + "'.");
        }

        /// <summary>What the function's assembly needs is where its deps.json says, or beside it.</summary>
        private static void ResolveFrom(string file, string task)
        {
            AssemblyDependencyResolver resolver = new AssemblyDependencyResolver(file);
            AssemblyLoadContext.Default.Resolving += (context, name) =>
            {
                string path = resolver.ResolveAssemblyToPath(name) ?? Path.Combine(task, name.Name + ".dll");
                return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
            };
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += (assembly, name) =>
            {
                string path = resolver.ResolveUnmanagedDllToPath(name);
                return path == null ? IntPtr.Zero : System.Runtime.InteropServices.NativeLibrary.Load(path);
            };
        }

        private static string Named(MethodInfo method)
        {
            return method.DeclaringType.FullName + "." + method.Name;
        }

        /// <summary>What there is to be told of a call; void where nothing.</summary>
        private static Type Returned(MethodInfo method)
        {
            Type type = method.ReturnType;
            if (type == typeof(void) && method.GetCustomAttribute<AsyncStateMachineAttribute>() != null)
            {
                throw new LambdaValidationException("The method " + Named(method) + " is 'async void': nobody could wait for "
                    + "it. Return a Task.");
            }
            if (type == typeof(Task)) return typeof(void);
            bool later = type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Task<>);
            return later ? type.GetGenericArguments()[0] : type;
        }

        private static bool NeedsSerializer(Type type)
        {
            return type != null && type != typeof(void) && !typeof(Stream).IsAssignableFrom(type);
        }

        private static Type Chosen(MethodInfo method)
        {
            object attribute = method.GetCustomAttributes(true).Concat(method.DeclaringType.Assembly.GetCustomAttributes(true))
                .FirstOrDefault(each => each.GetType().FullName == Attribute);
            return attribute == null ? null : (Type)attribute.GetType().GetProperty("SerializerType").GetValue(attribute);
        }

        private static object Made(Type type)
        {
            ConstructorInfo constructor = type.GetConstructor(Type.EmptyTypes);
            if (constructor == null || type.IsAbstract)
            {
                throw new LambdaValidationException("The type " + type.FullName + " has no public constructor without "
                    + "parameters");
            }
            return constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, new object[0], null);
        }

        internal byte[] Call(Invocation invocation)
        {
            object[] arguments = method.GetParameters()
                .Select(each => each == input ? Input(invocation.Event) : views.Of(invocation)).ToArray();
            object returned = Invoke(method, target, arguments);
            Task task = returned as Task;
            if (task != null)
            {
                task.GetAwaiter().GetResult();
                returned = result == typeof(void) ? null : method.ReturnType.GetProperty("Result").GetValue(task);
            }
            return Output(returned);
        }

        private object Input(byte[] content)
        {
            MemoryStream stream = new MemoryStream(content);
            return read == null ? stream : Invoke(read, serializer, stream);
        }

        private byte[] Output(object returned)
        {
            MemoryStream bytes = new MemoryStream();
            Stream stream = returned as Stream;
            if (write != null) Invoke(write, serializer, returned, bytes);
            else if (stream != null) using (stream) stream.CopyTo(bytes);
            return bytes.ToArray();
        }

        private static object Invoke(MethodInfo of, object on, params object[] arguments)
        {
            return of.Invoke(on, BindingFlags.DoNotWrapExceptions, null, arguments, null);
        }
    }
}
