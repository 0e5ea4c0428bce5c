//! Services that disagree about one application.

use crate::mistakes;

#[test]
fn services_that_disagree_about_one_application() {
    let text = "
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { selector: { app: payments }, ports: [{ port: 80, appProtocol: grpc }] }
---
apiVersion: v1
kind: Service
metadata: { name: payments }
spec:
  ports:
    - { name: rpc, port: 80, appProtocol: kubernetes.io/h2c }
    - { name: web, port: 81 }
---
apiVersion: v1
kind: Service
metadata: { name: elsewhere, namespace: bank }
spec: { selector: { app: payments }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody }
spec: { selector: { app: payments, version: v9 }, ports: [{ port: 80 }] }
";
    insta::assert_snapshot!(mistakes(text), @r"
    error: workloads of `app: payments` cannot speak two versions of HTTP on their one port
       ╭▸ rules.yaml:13:7
       │
     5 │ spec: { selector: { app: payments }, ports: [{ port: 80, appProtocol: grpc }] }
       │                                                                       ──── HTTP/2
       ┆
    13 │     - { name: web, port: 81 }
       │       ━━━━━━━━━━━━━━━━━━━━━━━ HTTP/1.1, the default
       │
       ╰ in Service default/payments
    help: give both the same `appProtocol`
    ");
}
