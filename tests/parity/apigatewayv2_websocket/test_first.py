"""From a handshake through a function to an answer on the socket, and what a back end says by itself."""


def test_a_message_reaches_the_function_of_its_route_and_the_answer_comes_back(api, echo):
    made = api()
    made.route("talk", target=made.function(echo), answers=True)
    made.deploy()
    client = made.connect()
    event = client.ask({"action": "talk", "text": "hello"})
    assert event["body"] == '{"action": "talk", "text": "hello"}'
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"], context["messageDirection"]) == ("talk", "MESSAGE", "IN")
    assert (context["apiId"], context["stage"], context["domainName"]) == (made.id, "dev", made.host)


def test_a_back_end_sends_a_message_to_a_client(api, echo):
    made = api()
    made.route("$default", target=made.function(echo), answers=True)
    made.deploy()
    client = made.connect()
    id = client.ask("who am I?")["requestContext"]["connectionId"]
    made.management().post_to_connection(ConnectionId=id, Data=b"hello")
    assert client.hear() == "hello"
